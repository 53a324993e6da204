package cryptography_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger/cryptography"
)

var operations = map[string]func([]byte) []byte{
	"sha256": cryptography.SHA256, "sha512": cryptography.SHA512, "keccak256": cryptography.Keccak256, "blake3": cryptography.BLAKE3Sum,
	"ed25519": cryptography.Ed25519, "p256": cryptography.P256, "secp256k1": cryptography.Secp256k1,
	"secp256k1-recover": cryptography.Secp256k1Recover, "bls": cryptography.BLS, "bls-aggregate": cryptography.BLSAggregate,
	"merkle": cryptography.MerkleInclusion, "receipt": cryptography.Receipt,
}

func unhex(t testing.TB, s string) []byte {
	if s == "-" {
		return nil
	}
	b, err := hex.DecodeString(s)
	require.NoError(t, err, s)
	return b
}

func TestKnownAnswers(t *testing.T) {
	text, err := os.ReadFile("testdata/known.txt")
	require.NoError(t, err)
	counted := map[string]int{}
	for _, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		facts, why, _ := strings.Cut(line, " # ")
		f := strings.Fields(facts)
		require.Len(t, f, 3, line)
		do := operations[f[0]]
		require.NotNil(t, do, f[0])
		require.Equal(t, unhex(t, f[1]), do(unhex(t, f[2])), "%s: %s", f[0], why)
		counted[f[0]]++
	}
	for _, name := range []string{"ed25519", "p256", "secp256k1", "secp256k1-recover", "bls", "bls-aggregate"} {
		require.Greater(t, counted[name], 4, name)
	}
}

// The lengths are those at which the tree of chunks changes its shape.
func TestBLAKE3OfLongInputs(t *testing.T) {
	for n, want := range map[int]string{
		1023: "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
		1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
		1025: "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
		2048: "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a",
		2049: "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030",
		3072: "b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2",
		3073: "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3",
		5121: "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff",
		7169: "a003fc7a51754a9b3c7fae0367ab3d782dccf28855a03d435f8cfe74605e7817",
	} {
		in := make([]byte, n)
		for i := range in {
			in[i] = byte(i % 251)
		}
		require.Equal(t, unhex(t, want), cryptography.BLAKE3Sum(in), n)
	}
}

// Every cut of a true statement, and every byte added or changed, is refused, but
// where the rest is a message of free length.
func TestAStatementIsBoundToEveryByte(t *testing.T) {
	text, err := os.ReadFile("testdata/known.txt")
	require.NoError(t, err)
	tried := map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Fields(line)
		if len(f) < 3 || f[1] != "01" || tried[f[0]] {
			continue
		}
		tried[f[0]] = true
		in, do := unhex(t, f[2]), operations[f[0]]
		for i := 0; i < len(in); i += 1 + len(in)/25 {
			require.Nil(t, do(in[:i]), "%s cut at %d", f[0], i)
			spoilt := append([]byte{}, in...)
			spoilt[i] ^= 4
			require.Nil(t, do(spoilt), "%s changed at %d", f[0], i)
		}
		require.Nil(t, do(append(in[:len(in):len(in)], 0)), f[0])
	}
	require.Len(t, tried, 5)
}
