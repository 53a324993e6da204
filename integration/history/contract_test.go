package history

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
)

func TestTheContractIsTheRegisterOfTheModel(t *testing.T) {
	ctx := context.Background()
	e, err := wasm.New(ctx, wasm.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, e.Close(ctx)) }()
	m, err := e.Compile(ctx, Contract())
	require.NoError(t, err)
	s, state := wasmtest.New(), map[uint64]uint64{}
	for range 200 {
		kind, key, operand := []Kind{Swap, Add, Read}[rand.IntN(3)], uint64(rand.IntN(4)), rand.Uint64()
		o := s.Call(m, wasm.Call{Method: string(kind), Args: arguments(key, operand), Caller: "alice@org0", Organisation: "org0", Self: "register"}, 10_000_000)
		require.Equal(t, wasm.OK, o.Status, o.Message)
		var want uint64
		want, state[key] = apply(kind, state[key], operand)
		require.Equal(t, want, binary.LittleEndian.Uint64(o.Output), "%c", kind)
	}
}
