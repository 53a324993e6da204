package snapshot

import (
	"bytes"
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

var id = ledger.ID{7}

// bench is a ledger's newest block with everything that is certified about it.
type bench struct {
	public  *certificate.Public
	signers []certificate.Signer
	block   *Block
	header  []byte
	outcome []byte
	txs     [][]byte
	results [][]byte
	runs    []*Run // of consecutive blocks, the newest last; Run n is of blocks 10n+1 to 10n+10
	pairs   []state.Pair
	parts   []tree.Part
	m       *Manifest
}

func transaction(t testing.TB, command string, until ledger.Time) []byte {
	key, err := signature.Generate(rand.New(rand.NewSource(1)))
	require.NoError(t, err)
	tx := ledger.Transaction{Ledger: id, Party: "alice", Contract: "concordat", Method: "note", Command: []byte(command), ValidUntil: until}
	e := ledger.Envelope{Payload: tx.Marshal()}
	copy(e.Signature[:], key.Sign(e.Payload))
	public := key.Public()
	copy(e.PublicKey[:], public[:])
	return e.Marshal()
}

const top = 30

func newBench(t testing.TB) *bench {
	q := quorum.Config{F: 1}
	public, private, err := certificate.Deal(rand.New(rand.NewSource(1)), q, certificate.SchemeEd25519)
	require.NoError(t, err)
	b := &bench{public: public}
	for _, p := range private {
		s, err := p.Signer()
		require.NoError(t, err)
		b.signers = append(b.signers, s)
	}
	b.chain(t)
	var changes []tree.Change
	for i := range 300 {
		p := state.Pair{Key: fmt.Appendf(nil, "k%03d", i), Value: state.EncodeRecord(nil, state.Provenance{}, fmt.Appendf(nil, "v%d", i))}
		b.pairs = append(b.pairs, p)
		changes = append(changes, tree.Change{Key: state.Place(nil, p.Key), Record: state.RecordHash(p.Value), Size: len(p.Value)})
	}
	whole, err := tree.New(nil).Apply(changes)
	require.NoError(t, err)
	b.block.Outcome.StateRoot = whole.Root()
	b.outcome = b.block.Outcome.Marshal()
	b.m = &Manifest{Header: b.block.Header, Outcome: b.block.Outcome, Commands: b.sum()}
	b.m.Outline, b.parts, err = whole.Cut(1000)
	require.NoError(t, err)
	b.certify(t, b.m)
	return b
}

// chain makes the newest block and the commands of all.
func (b *bench) chain(t testing.TB) {
	b.txs = [][]byte{transaction(t, "a", 2000), []byte("not a transaction"), transaction(t, "b", 3000)}
	sum := ledger.Hash{}
	for h := ledger.Height(1); h <= top; h++ {
		if h%10 == 1 {
			b.runs = append(b.runs, &Run{Before: sum})
		}
		blk := BlockCommands{Height: h, Time: ledger.Time(h) * 10, Commands: []ledger.ExecutedCommand{{Key: ledger.Hash{byte(h)}, Expires: 1000}}}
		if h == top {
			blk.Commands = []ledger.ExecutedCommand{{Key: ledger.CommandKey("alice", []byte("a")), Expires: 2000}, {Key: ledger.CommandKey("alice", []byte("b")), Index: 2, Expires: 3000}}
		}
		r := b.runs[len(b.runs)-1]
		r.Blocks = append(r.Blocks, blk)
		sum = ledger.CommandsDigest(sum, blk.Height, blk.Time, blk.Commands)
	}
	var leaves [][]byte
	for i, raw := range b.txs {
		r := &ledger.Result{Status: ledger.StatusMalformed}
		if i != 1 {
			r = &ledger.Result{Command: ledger.CommandKey("alice", []byte{"a b"[i]})}
		}
		_ = raw
		b.results = append(b.results, r.Marshal())
		leaves = append(leaves, r.Leaf())
	}
	b.block = &Block{Header: ledger.Header{Ledger: id, Height: top, Time: top * 10, TxRoot: ledger.NewMerkleTree(b.txs).Root(), TxCount: 3},
		Outcome: ledger.Outcome{ResultsRoot: ledger.NewMerkleTree(leaves).Root()}}
	b.header = b.block.Header.Marshal()
}

func (b *bench) sum() ledger.Hash {
	r := b.runs[len(b.runs)-1]
	at := r.Before
	for _, blk := range r.Blocks {
		at = ledger.CommandsDigest(at, blk.Height, blk.Time, blk.Commands)
	}
	return at
}

func (b *bench) part(i int) (out []state.Pair) {
	_ = b.parts[i].Walk(func(placed []byte, _ ledger.Hash) error { // in memory: no error
		key, _ := state.KeyOf(placed)
		for _, p := range b.pairs {
			if bytes.Equal(p.Key, key) {
				out = append(out, p)
			}
		}
		return nil
	})
	return out
}

func (b *bench) certify(t testing.TB, m *Manifest) {
	st := certificate.Statement{Ledger: id, Seq: ledger.Seq(m.Header.Height), Phase: certificate.Checkpoint, Digest: m.Digest()}
	var shares []certificate.Share
	for _, s := range b.signers[:3] {
		share, err := s.Sign(st)
		require.NoError(t, err)
		shares = append(shares, share)
	}
	c, _, err := b.public.Commit().Combine(st, shares)
	require.NoError(t, err)
	m.Certificate = c
}

func encode(pairs []state.Pair) (raw []byte) {
	for _, p := range pairs {
		raw = AppendPair(raw, p.Key, p.Value)
	}
	return raw
}

func TestAManifestHoldsAsItIsOnly(t *testing.T) {
	b := newBench(t)
	raw := b.m.Marshal()
	m, err := ParseManifest(raw)
	require.NoError(t, err)
	require.Equal(t, b.m, m)
	require.NoError(t, m.Check(id, 0, b.public.Commit()))
	require.ErrorIs(t, m.Check(ledger.ID{8}, 0, b.public.Commit()), ErrSnapshot)
	require.ErrorIs(t, m.Check(id, 1, b.public.Commit()), ErrSnapshot)
	for at := range raw {
		forged := bytes.Clone(raw)
		forged[at] ^= 1
		m, err := ParseManifest(forged)
		if err == nil {
			err = m.Check(id, 0, b.public.Commit())
		}
		require.Error(t, err, "byte %d", at)
	}
}

func TestAPartHoldsAsItIsOnly(t *testing.T) {
	b := newBench(t)
	parts := b.m.Outline.Parts()
	require.Greater(t, len(parts), 8)
	for i := range parts {
		raw := encode(b.part(i))
		pairs, err := CheckPart(parts[i], raw)
		require.NoError(t, err)
		require.Len(t, pairs, len(b.part(i)))
		for at := range raw {
			forged := bytes.Clone(raw)
			forged[at] ^= 1
			_, err := CheckPart(parts[i], forged)
			require.ErrorIs(t, err, ErrSnapshot, "part %d, byte %d", i, at)
		}
		_, err = CheckPart(parts[(i+1)%len(parts)], raw)
		require.ErrorIs(t, err, ErrSnapshot)
		_, err = CheckPart(parts[i], nil)
		require.ErrorIs(t, err, ErrSnapshot)
	}
}

// The window is followed from the newest run to the oldest, each checked against what
// the one after it proves.
func TestRunsHoldInTheirOrderOnly(t *testing.T) {
	b := newBench(t)
	height, sum := ledger.Height(top), b.m.Commands
	for i := len(b.runs) - 1; i >= 0; i-- {
		r, err := ParseRun(b.runs[i].Marshal())
		require.NoError(t, err)
		require.Equal(t, b.runs[i], r)
		require.NoError(t, r.Check(height, sum))
		require.ErrorIs(t, r.Check(height-1, sum), ErrSnapshot)
		raw := r.Marshal()
		for at := range raw {
			forged := bytes.Clone(raw)
			forged[at] ^= 1
			if f, err := ParseRun(forged); err == nil {
				require.ErrorIs(t, f.Check(height, sum), ErrSnapshot, "byte %d", at)
			}
		}
		height, sum = r.Blocks[0].Height-1, r.Before
	}
	require.Equal(t, ledger.Hash{}, sum)
	require.ErrorIs(t, (&Run{}).Check(top, b.m.Commands), ErrSnapshot)
	require.True(t, b.runs[0].Reaches(top*10, 1<<40), "it has the first block")
	require.False(t, b.runs[1].Reaches(top*10, 190), "block 11, at time 110, may have brought what counts until 300")
	require.True(t, b.runs[1].Reaches(top*10, 189))
}

func TestABlockHoldsAsItIsOnly(t *testing.T) {
	b := newBench(t)
	got, err := NewBlock(b.header, b.outcome, b.txs, b.results)
	require.NoError(t, err)
	require.Equal(t, b.runs[2].Blocks[9], got.Commands)
	other := &ledger.Result{Command: ledger.CommandKey("alice", []byte("b")), Status: ledger.StatusRefused}
	for name, f := range map[string]func() ([][]byte, [][]byte){
		"a transaction less": func() ([][]byte, [][]byte) { return b.txs[1:], b.results[1:] },
		"a result less":      func() ([][]byte, [][]byte) { return b.txs, b.results[1:] },
		"another result":     func() ([][]byte, [][]byte) { return b.txs, [][]byte{b.results[0], b.results[1], other.Marshal()} },
		"results exchanged":  func() ([][]byte, [][]byte) { return b.txs, [][]byte{b.results[2], b.results[1], b.results[0]} },
		"no result at all":   func() ([][]byte, [][]byte) { return b.txs, [][]byte{nil, nil, nil} },
		"transactions exchanged": func() ([][]byte, [][]byte) {
			return [][]byte{b.txs[2], b.txs[1], b.txs[0]}, b.results
		},
	} {
		txs, results := f()
		_, err := NewBlock(b.header, b.outcome, txs, results)
		require.ErrorIs(t, err, ErrSnapshot, name)
	}
	_, err = NewBlock(b.outcome, b.header, b.txs, b.results)
	require.ErrorIs(t, err, ErrSnapshot)
}

func FuzzParseManifest(f *testing.F) {
	b := newBench(f)
	small := *b.m
	small.Outline = state.Outline{{Part: true, Hash: b.m.Outcome.StateRoot}}
	f.Add(small.Marshal())
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ParseManifest(raw)
		if err != nil {
			return
		}
		require.Equal(t, raw, m.Marshal())
		if m.Check(id, 0, b.public.Commit()) == nil {
			require.Equal(t, b.m.Digest(), m.Digest())
		}
	})
}

func FuzzParseRun(f *testing.F) {
	for _, r := range newBench(f).runs {
		f.Add(r.Marshal())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := ParseRun(raw); err == nil {
			require.Equal(t, raw, r.Marshal())
		}
	})
}

func FuzzParsePairs(f *testing.F) {
	f.Add(encode(newBench(f).part(3)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if pairs, err := ParsePairs(raw); err == nil {
			require.True(t, bytes.Equal(raw, encode(pairs)))
		}
	})
}
