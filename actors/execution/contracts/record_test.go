package contracts

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

type memory map[string][]byte

func (m memory) Get(key []byte) ([]byte, error) { return m[string(key)], nil }

func TestAContractsCodeComesBackFromItsPieces(t *testing.T) {
	for _, size := range []int{1, ChunkBytes - 1, ChunkBytes, ChunkBytes + 1, 3*ChunkBytes + 5} {
		code := make([]byte, size)
		for i := range code {
			code[i] = byte(i * 31)
		}
		m := memory{}
		r := &Record{Name: "x", Code: make([]byte, ledger.HashSize), Bytes: size}
		hash, err := ledger.HashFromBytes(r.Code)
		require.NoError(t, err)
		rest := code
		for i := 0; len(rest) > 0; i++ {
			n := min(ChunkBytes, len(rest))
			m[string(CodeKey(hash, i))] = state.EncodeRecord(nil, state.Provenance{}, rest[:n])
			rest = rest[n:]
		}
		have, err := Code(m, r)
		require.NoError(t, err)
		require.Equal(t, code, have)
		delete(m, string(CodeKey(hash, 0)))
		_, err = Code(m, r)
		require.ErrorContains(t, err, "is missing from the state")
	}
}

func TestAContractsKeysAreItsOwn(t *testing.T) {
	from, to := keyRange("ab", nil, nil)
	for key, inside := range map[string]bool{
		string(Key("ab", []byte("x"))): true, string(Key("ab", []byte{0xff, 0xff})): true,
		string(Key("abc", []byte("x"))): false, string(Key("a", []byte("x"))): false, string(Key("ab-c", []byte("x"))): false,
	} {
		require.Equal(t, inside, key >= string(from) && key < string(to), "%q", key)
	}
}

func FuzzParseRecord(f *testing.F) {
	r := &Record{Name: "x", Code: make([]byte, ledger.HashSize), Bytes: 5}
	b, err := r.encode(state.Provenance{})
	require.NoError(f, err)
	f.Add(b)
	f.Add([]byte{0, 0, '{', '}'})
	f.Fuzz(func(_ *testing.T, b []byte) {
		if r, err := ParseRecord(b); err == nil {
			_, _ = Code(memory{}, &Record{Name: r.Name, Code: r.Code, Bytes: min(r.Bytes, 1<<20)})
		}
	})
}
