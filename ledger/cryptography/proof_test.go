package cryptography_test

import (
	"encoding/binary"
	"math"
	"math/rand"
	"testing"

	bls "github.com/cloudflare/circl/ecc/bls12381"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/cryptography"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

func inclusion(root ledger.Hash, index, size uint64, path ledger.MerklePath, leaf []byte) []byte {
	b := binary.LittleEndian.AppendUint64(root[:], index)
	b = append(binary.LittleEndian.AppendUint64(b, size), byte(len(path)))
	for _, h := range path {
		b = append(b, h[:]...)
	}
	return append(b, leaf...)
}

// The tree of RFC 6962's reference tests: its leaves and its root are Google's.
func TestInclusionInATreeOfEight(t *testing.T) {
	var leaves [][]byte
	for _, s := range []string{"-", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"} {
		leaves = append(leaves, unhex(t, s))
	}
	tree := ledger.NewMerkleTree(leaves)
	root := tree.Root()
	require.Equal(t, unhex(t, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"), root[:])
	for i := range uint64(8) {
		path, err := tree.Path(i)
		require.NoError(t, err)
		require.Equal(t, []byte{1}, cryptography.MerkleInclusion(inclusion(root, i, 8, path, leaves[i])))
		require.Nil(t, cryptography.MerkleInclusion(inclusion(root, i^1, 8, path, leaves[i])))
		require.Nil(t, cryptography.MerkleInclusion(inclusion(root, i, 9, path, leaves[i])))
		require.Nil(t, cryptography.MerkleInclusion(inclusion(root, i, 8, path[1:], leaves[i])))
		require.Nil(t, cryptography.MerkleInclusion(inclusion(root, i, 8, append(path, root), leaves[i])))
		require.Nil(t, cryptography.MerkleInclusion(inclusion(root, i, 8, path, append(leaves[i], 0))))
	}
	for _, size := range []uint64{0, 1, math.MaxInt64, math.MaxUint64} {
		for _, index := range []uint64{0, 1, math.MaxInt64, math.MaxUint64} {
			require.Nil(t, cryptography.MerkleInclusion(inclusion(root, index, size, make(ledger.MerklePath, 64), nil)))
			require.Nil(t, cryptography.MerkleInclusion(inclusion(root, index, size, nil, nil)))
		}
	}
}

func receipt(t testing.TB) []byte {
	public, private, err := certificate.Deal(rand.New(rand.NewSource(1)), quorum.Config{F: 1}, certificate.SchemeEd25519)
	require.NoError(t, err)
	result := ledger.Result{TxID: ledger.Hash{2}, Status: ledger.StatusOK, Output: []byte("out")}
	tree := ledger.NewMerkleTree([][]byte{result.Leaf()})
	r := &ledger.Receipt{Header: ledger.Header{Ledger: ledger.ID{7}, Height: 5, Time: 77, TxCount: 1},
		Outcome: ledger.Outcome{StateRoot: ledger.Hash{6}, ResultsRoot: tree.Root()}, Result: result}
	st := certificate.ExecutionStatement{Ledger: ledger.ID{7}, Height: 5, Block: r.Header.Hash(), StateRoot: r.Outcome.StateRoot, ResultsRoot: r.Outcome.ResultsRoot}
	r.Certificate, _, err = public.Execution().Combine(st, []certificate.Share{private[0].ExecutionSigner().Sign(st), private[2].ExecutionSigner().Sign(st)})
	require.NoError(t, err)
	id := ledger.ID{7}
	return append(append(id[:], public.Execution().LedgerKey()...), r.Marshal()...)
}

func TestAReceiptSaysWhatItProves(t *testing.T) {
	in := receipt(t)
	tx := ledger.Hash{2}
	want := append([]byte{1 << 3, 5, 2 << 3, 77, 4<<3 | 2, 32}, tx[:]...)
	require.Equal(t, append(want, 7<<3|2, 3, 'o', 'u', 't'), cryptography.Receipt(in))
	for i := 0; i < len(in); i += 1 + len(in)/60 {
		spoilt := append([]byte{}, in...)
		spoilt[i] ^= 1
		require.Nil(t, cryptography.Receipt(spoilt), i)
		require.Nil(t, cryptography.Receipt(in[:i]), i)
	}
}

// aggregate is the sum of signatures of messages by a key each, made by the library.
func aggregate(n int) []byte {
	sum := new(bls.G1)
	sum.SetIdentity()
	var list []byte
	for i := range n {
		secret := new(bls.Scalar)
		secret.SetUint64(uint64(1000 + i))
		key, sig := new(bls.G2), new(bls.G1)
		key.ScalarMult(secret, bls.G2Generator())
		sig.Hash([]byte{byte(i)}, []byte("BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"))
		sig.ScalarMult(secret, sig)
		sum.Add(sum, sig)
		list = append(append(list, key.BytesCompressed()...), 1, 0, byte(i))
	}
	return append(append(sum.BytesCompressed(), byte(n), 0), list...)
}

func TestAnAggregateOfSeveral(t *testing.T) {
	for _, n := range []int{1, 2, 5, cryptography.BLSSignersMax} {
		in := aggregate(n)
		require.Equal(t, []byte{1}, cryptography.BLSAggregate(in), n)
		in[len(in)-1] ^= 0x80
		require.Nil(t, cryptography.BLSAggregate(in), n)
	}
	require.Nil(t, cryptography.BLSAggregate(aggregate(cryptography.BLSSignersMax+1)))
}

func FuzzNoInputPanics(f *testing.F) {
	f.Add(receipt(f))
	f.Add(inclusion(ledger.Hash{}, 3, 8, make(ledger.MerklePath, 3), []byte("leaf")))
	for _, n := range []int{0, 31, 96, 97, 98, 129, 144, 145, 200} {
		f.Add(make([]byte, n))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for name, do := range operations {
			before := string(in)
			first := do(in)
			require.Equal(t, first, do(in), name)
			require.Equal(t, before, string(in), name)
		}
	})
}
