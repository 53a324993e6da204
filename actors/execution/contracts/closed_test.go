package contracts

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/wasm"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// halting is a store that says when a call reads "c/outer/k", and then waits.
type halting struct {
	memory
	reached, goOn chan struct{}
}

func (h halting) Get(key []byte) ([]byte, error) {
	if string(key) == "c/outer/k" {
		close(h.reached)
		<-h.goOn
	}
	return h.memory.Get(key)
}

func (halting) Set([]byte, []byte)                          {}
func (halting) Mark() int                                   { return 0 }
func (halting) Rollback(int)                                {}
func (halting) Scan([]byte, []byte, bool) (Iterator, error) { return nil, errors.New("nobody scans") }

// deployed puts a contract into a store.
func (m memory) deployed(t *testing.T, name string, code []byte) {
	hash := wasm.HashCode(code)
	record := &Record{Name: name, Code: hash[:], Bytes: len(code)}
	raw, err := record.encode(state.Provenance{})
	require.NoError(t, err)
	m[string(RecordKey(name))], m[string(CodeKey(hash, 0))] = raw, state.EncodeRecord(nil, state.Provenance{}, code)
}

// outer reads "k" and then calls the contract inner.
func outer() []byte {
	b := asm.New()
	get, invoke := b.ABI("get"), b.ABI("invoke")
	b.Data = asm.DataAt(0, []byte("k\x00\x00\x00inner"))
	n := asm.I32Const
	return b.Call(nil, n(0), n(1), n(16), n(8), asm.CallFunc(get), asm.Op(0x1a),
		n(4), n(5), n(0), n(0), asm.I64Const(1_000_000), asm.CallFunc(invoke)).Bytes()
}

// A call that is under way when the engine ends is waited for. If it then calls a contract
// that is not compiled, it ends without a result, and nobody waits for anybody for ever.
func TestACallThatGoesOnWhileTheEngineEndsHasNoResult(t *testing.T) {
	m, err := NewModules(t.Context(), "")
	require.NoError(t, err)
	store := halting{memory{}, make(chan struct{}), make(chan struct{})}
	store.deployed(t, "outer", outer())
	store.deployed(t, "inner", asm.New().Call(nil, asm.I32Const(0)).Bytes())
	ended, closed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := (&Runner{Modules: m, Store: store}).Run("outer", "x", nil, 1_000_000)
		ended <- err
	}()
	<-store.reached
	go func() { closed <- m.Close(t.Context()) }()
	nothing := func() ([]byte, error) { return nil, errors.New("there is no code") }
	for !errors.Is(m.Use(ledger.Hash{1}, nothing, func(*wasm.Module) {}), ErrClosed) {
		runtime.Gosched()
	}
	close(store.goOn)
	require.ErrorIs(t, <-ended, ErrClosed)
	require.NoError(t, <-closed)
}

// The engine can be closed while it compiles, and is asked for more: what had begun is
// done, nothing else is begun.
func TestTheEngineIsClosedWhileItCompiles(t *testing.T) {
	m, err := NewModules(t.Context(), "")
	require.NoError(t, err)
	begun, goOn, done := make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	slow := asm.New().Call(nil, asm.I32Const(0)).Bytes()
	require.True(t, later(m.ahead, prepared{hash: wasm.HashCode(slow), judge: true, done: func() { done <- struct{}{} },
		load: func() ([]byte, error) { close(begun); <-goOn; return slow, nil }}))
	<-begun
	waiting := asm.New().Call(nil, asm.I32Const(1)).Bytes()
	require.True(t, m.Prepare(waiting, func() { t.Error("it was begun after the end") }))
	closed := make(chan error, 1)
	go func() { closed <- m.Close(t.Context()) }()
	nothing := func() ([]byte, error) { return nil, errors.New("there is no code") }
	for !errors.Is(m.Use(ledger.Hash{1}, nothing, func(*wasm.Module) {}), ErrClosed) {
		runtime.Gosched()
	}
	close(goOn)
	require.NoError(t, <-closed)
	<-done
	require.False(t, m.Has(wasm.HashCode(waiting)))
	require.False(t, m.Fetch(memory{}, &Record{Code: make([]byte, ledger.HashSize)}))
	require.ErrorIs(t, m.Close(t.Context()), ErrClosed, "a second time")
}

// Who asks again and again for contracts that are not compiled takes no deployment's
// place, and a contract that is asked for twice has one.
func TestQuestionsTakeNoDeploymentsPlace(t *testing.T) {
	m, err := NewModules(t.Context(), "")
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	store := memory{}
	begun, goOn := make(chan struct{}), make(chan struct{})
	require.True(t, later(m.ahead, prepared{load: func() ([]byte, error) { close(begun); <-goOn; return nil, errors.New("no") }, done: func() {}}))
	<-begun
	asked := 0
	for i := range byte(20) {
		code := make([]byte, ledger.HashSize)
		code[0] = i + 1
		for range 3 {
			if m.Fetch(store, &Record{Code: code}) {
				asked++
			}
		}
	}
	require.Equal(t, 3*aheadMax, asked, "each has one place, and is told so each time")
	done := make(chan struct{}, 1)
	code := asm.New().Call(nil, asm.I32Const(0)).Bytes()
	require.True(t, m.Prepare(code, func() { done <- struct{}{} }))
	close(goOn)
	<-done
	require.True(t, m.Has(wasm.HashCode(code)))
}

// What is looked at twice is not for who submits to know, and the replicas look at different
// transactions.
func TestEachShadowChoosesForItself(t *testing.T) {
	m, err := NewModules(t.Context(), "")
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	var choices [2][]bool
	for i := range choices {
		s, err := NewShadow(t.Context(), m, ShadowConfig{Percent: 50, Folder: t.TempDir()})
		require.NoError(t, err)
		for tx := range byte(200) {
			choices[i] = append(choices[i], s.chosen(ledger.Hash{tx}))
		}
		require.NoError(t, s.Close(t.Context()))
		require.Contains(t, choices[i], true)
		require.Contains(t, choices[i], false)
	}
	require.NotEqual(t, choices[0], choices[1])
}

// Evidence is found whatever the folder is called, and without a folder there is none.
func TestEvidenceIsFoundInAnyFolder(t *testing.T) {
	m, err := NewModules(t.Context(), "")
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	folder := filepath.Join(t.TempDir(), "replica[1", "shadow")
	s, err := NewShadow(t.Context(), m, ShadowConfig{Folder: folder})
	require.NoError(t, err)
	require.NoError(t, s.Close(t.Context()))
	wrong := &Mismatch{What: "their outputs differ"}
	wrong.keep(folder)
	_, err = NewShadow(t.Context(), m, ShadowConfig{Folder: folder})
	require.ErrorContains(t, err, wrong.File)
}
