package contracts

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// A module that was compiled ahead is there without being read or compiled again; what
// is refused is known as well. When enough wait, more is turned away, and nobody waits.
func TestModulesAreCompiledAhead(t *testing.T) {
	m, err := NewModules(t.Context(), "")
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	good := asm.New().Call(nil, asm.I32Const(0)).Bytes()
	bad := asm.New().Call(nil, asm.Op(0x6a)).Bytes()
	never := func() ([]byte, error) { return nil, errors.New("it is read again") }
	done := make(chan struct{}, 2)
	for _, code := range [][]byte{good, bad} {
		require.False(t, m.Has(wasm.HashCode(code)))
		require.True(t, m.Prepare(code, func() { done <- struct{}{} }))
	}
	<-done
	<-done
	require.True(t, m.Has(wasm.HashCode(good)))
	require.True(t, m.Has(wasm.HashCode(bad)))
	require.NoError(t, m.Use(wasm.HashCode(good), never, func(*wasm.Module) {}))
	var refusal *module.Refusal
	require.ErrorAs(t, m.Use(wasm.HashCode(bad), never, func(*wasm.Module) {}), &refusal)
	require.Equal(t, wasm.HashCode(bad), m.Recent()[0])

	hash := wasm.HashCode(examples.TokenRust)
	store := memory{}
	for i, rest := 0, examples.TokenRust; len(rest) > 0; i++ {
		n := min(ChunkBytes, len(rest))
		store[string(CodeKey(hash, i))] = state.EncodeRecord(nil, state.Provenance{}, rest[:n])
		rest = rest[n:]
	}
	record := &Record{Name: "token", Code: hash[:], Bytes: len(examples.TokenRust)}
	accepted, begun := 0, time.Now()
	for i := range 100 { // while the first is compiled, two wait
		another := *record
		another.Code = bytes.Clone(another.Code)
		another.Code[0] += byte(i)
		if m.Fetch(store, &another) {
			accepted++
		}
	}
	require.Less(t, accepted, 100)
	require.Less(t, time.Since(begun), 5*time.Second, "nobody waits")
	require.NoError(t, m.Use(hash, func() ([]byte, error) { return Code(store, record) }, func(*wasm.Module) {}))
}

// The least recently used go when there are too many, refusals too, so a flood of bad
// modules takes no room for ever.
func TestKeptModulesAreBounded(t *testing.T) {
	e, err := wasm.New(t.Context(), wasm.Config{})
	require.NoError(t, err)
	m := modulesOn(e, 3)
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	var last ledger.Hash
	for i := range 20 {
		code := asm.New().Call(nil, asm.I32Const(int32(i)), asm.Op(0x1a), asm.I32Const(0)).Bytes()
		if i%2 == 1 {
			code = asm.New().Call(nil, asm.I32Const(int32(i)), asm.Op(0x6a)).Bytes()
		}
		last = wasm.HashCode(code)
		_ = m.Use(last, func() ([]byte, error) { return code, nil }, func(*wasm.Module) {})
		require.LessOrEqual(t, len(m.Recent()), 4)
	}
	require.Equal(t, last, m.Recent()[0])
}

// Many small modules are kept, few large ones.
func TestKeptModulesAreBoundedInBytes(t *testing.T) {
	e, err := wasm.New(t.Context(), wasm.Config{})
	require.NoError(t, err)
	m := modulesOn(e, modulesMax)
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	use := func(code []byte) ledger.Hash {
		_ = m.Use(wasm.HashCode(code), func() ([]byte, error) { return code, nil }, func(*wasm.Module) {})
		return wasm.HashCode(code)
	}
	var small []ledger.Hash
	for i := range 100 {
		small = append(small, use(asm.New().Call(nil, asm.I32Const(int32(i)), asm.Op(0x1a), asm.I32Const(0)).Bytes()))
	}
	for _, hash := range small {
		require.True(t, m.Has(hash))
	}
	large := make([]byte, 8<<20) // it is refused, and kept as such
	for i := range 33 {
		large[0] = byte(i)
		use(large)
	}
	require.False(t, m.Has(small[0]))
	require.Len(t, m.Recent(), modulesBytesMax/len(large))
}
