package replica

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// deployed are the records of a contract in a block.
func deployed(name string, code []byte) []write {
	hash := sha256.Sum256(code)
	record := fmt.Sprintf(`{"name":%q,"code":"%x","bytes":%d,"deployer":"alice@a","organisation":"a","height":1}`, name, hash, len(code))
	return []write{{key: string(contracts.RecordKey(name)), value: record}, {key: string(contracts.CodeKey(hash, 0)), value: string(code)}}
}

// says puts out a word.
func says(word string) []byte {
	b := asm.New()
	output := b.ABI("output")
	b.Data = asm.DataAt(0, []byte(word))
	return b.Call(nil, asm.I32Const(0), asm.I32Const(int32(len(word))), asm.CallFunc(output), asm.I32Const(0)).Bytes()
}

// asks puts out what the contract inner puts out.
func asks() []byte {
	b := asm.New()
	invoke, fetch, output := b.ABI("invoke"), b.ABI("fetch"), b.ABI("output")
	b.Data = asm.DataAt(0, []byte("inner"))
	n := asm.I32Const
	return b.Call(nil, n(0), n(5), n(0), n(0), asm.I64Const(1_000_000), asm.CallFunc(invoke), asm.Op(0x1a),
		n(100), n(100), n(100), asm.CallFunc(fetch), asm.CallFunc(output), n(0)).Bytes()
}

func asked(t *testing.T, s *shelf) *instance {
	m, err := contracts.NewModules(t.Context(), "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close(t.Context())) })
	s.lookups.genesis.Limits = ledger.DefaultLimits()
	return &instance{cfg: Config{Logger: slog.New(slog.DiscardHandler)}, store: s.lookups.Store, records: s.lookups.records, modules: m, genesis: s.lookups.genesis}
}

// A query of a contract that is not compiled here is told to ask again, also when one that
// it calls is not, and is answered when it does.
func TestAQueryIsToldToAskAgainUntilItsContractsAreCompiled(t *testing.T) {
	s := newShelf(t)
	s.block(append(deployed("outer", asks()), deployed("inner", says("hello"))...)...)
	r := asked(t, s)
	waited := map[string]bool{}
	require.Eventually(t, func() bool {
		reply := r.query(&ledgerpb.QueryRequest{Contract: "outer", Method: "x"})
		if e := reply.GetError(); e != nil {
			require.Equal(t, ledgerpb.Refusal_REFUSAL_UNAVAILABLE, e.GetRefusal(), e.GetMessage())
			require.NotZero(t, e.GetRetryAfterMs())
			waited[e.GetMessage()] = true
			return false
		}
		require.Equal(t, "hello", string(reply.GetOutput()))
		return true
	}, 20*time.Second, time.Millisecond)
	require.Len(t, waited, 2, "first the one, then the other: %v", waited)
}

// What a query goes over because it is private costs no gas, so it is bounded otherwise.
func TestAQueryGoesOverSoMuchThatIsPrivate(t *testing.T) {
	b := asm.New()
	scan, next := b.ABI("scan"), b.ABI("next")
	n := asm.I32Const
	b.Call(nil, n(0), n(0), n(0), n(0), n(0), asm.CallFunc(scan), n(0), n(100), asm.CallFunc(next), asm.Op(0x1a), n(0))
	s := newShelf(t)
	s.block(deployed("seeker", b.Bytes())...)
	for count := 0; count <= 100_000; {
		var list []write
		for range 10_000 {
			list = append(list, write{key: string(contracts.Key("seeker", fmt.Appendf(nil, "%06d", count))), audience: ledger.NewAudience("bob@b"), value: "v"})
			count++
		}
		s.block(list...)
	}
	r := asked(t, s)
	require.Eventually(t, func() bool {
		e := r.query(&ledgerpb.QueryRequest{Contract: "seeker", Method: "x"}).GetError()
		require.NotNil(t, e)
		return e.GetRefusal() == ledgerpb.Refusal_REFUSAL_MALFORMED && e.GetMessage() == contracts.ErrPassed.Error()
	}, 20*time.Second, time.Millisecond)
}
