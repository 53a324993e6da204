package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// successor is what replaces counter: its migrate writes 100 to "k", or fails when it is told
// to; any other method puts out the value at "k".
func successor() []byte {
	b := asm.New()
	get, put, output, read, fail := b.ABI("get"), b.ABI("put"), b.ABI("output"), b.ABI("call_read"), b.ABI("fail")
	b.Data = asm.DataAt(0, []byte("k\x00\x00\x00\x64\x00\x00\x00no\x00"))
	b.Call(nil,
		i32(1000), i32(200), asm.CallFunc(read), asm.Op(0x1a),
		i32(1002), asm.Memory(0x2d, 0, 0), i32('m'), asm.Op(0x46, 0x04, 0x40),
		i32(0), i32(1), i32(4), i32(4), i32(0), i32(0), asm.CallFunc(put), asm.Op(0x1a),
		i32(1011), asm.Memory(0x2d, 0, 0), i32('!'), asm.Op(0x46, 0x04, 0x40), // the argument, behind "migrate" and a field's head
		i32(7), i32(8), i32(2), asm.CallFunc(fail), asm.Op(0x0b), asm.Op(0x0b),
		i32(0), i32(1), i32(16), i32(8), asm.CallFunc(get), asm.Op(0x1a),
		i32(16), i32(4), asm.CallFunc(output), i32(0))
	return b.Bytes()
}

func (b *bench) upgrade(by ledger.Party, command string, d ledger.Deployment) *ledger.Result {
	return b.block(b.tx(by, command, "upgrade", string(d.Marshal()), time.Minute)).Results[0]
}

func (b *bench) valueAt(t *testing.T, contract, key string) byte {
	t.Helper()
	raw, err := b.chain.values.get(contracts.Key(contract, []byte(key)))
	require.NoError(t, err)
	v, err := state.RecordValue(raw)
	require.NoError(t, err)
	return v[0]
}

func TestAModuleReplacesAnotherAndKeepsTheState(t *testing.T) {
	b := withEngine(t)
	require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "counter", counter()).Status)
	for range 2 {
		require.Equal(t, ledger.StatusOK, b.call("alice@a", "counter", "x", 0).Status)
	}
	for why, c := range map[string]struct {
		by   ledger.Party
		d    ledger.Deployment
		text string
	}{
		"no administrator":   {"alice@a", ledger.Deployment{Name: "counter", Code: successor()}, "is no administrator; ask one of organisation a to upgrade"},
		"other organisation": {"admin@b", ledger.Deployment{Name: "counter", Code: successor()}, "was deployed by organisation a"},
		"not deployed":       {"admin@a", ledger.Deployment{Name: "nobody", Code: successor()}, "there is no contract \"nobody\" to upgrade"},
		"the same":           {"admin@a", ledger.Deployment{Name: "counter", Code: counter()}, "has this module already"},
		"no module":          {"admin@a", ledger.Deployment{Name: "counter", Code: []byte("x")}, "no WebAssembly module"},
	} {
		root := b.chain.tree.Root()
		r := b.upgrade(c.by, why, c.d)
		require.Equal(t, ledger.StatusRefused, r.Status, why)
		require.Contains(t, r.Message, c.text, why)
		require.Equal(t, root, b.chain.tree.Root(), why)
	}
	root := b.chain.tree.Root()
	r := b.upgrade("admin@a", "fails", ledger.Deployment{Name: "counter", Code: successor(), Initialise: true, Init: []byte("!")})
	require.Equal(t, ledger.StatusContractError, r.Status, "a migration that fails leaves everything as it was")
	require.Equal(t, "migrate: no", r.Message)
	require.Equal(t, root, b.chain.tree.Root())
	require.Equal(t, []byte{3, 0, 0, 0}, b.call("alice@a", "counter", "x", 0).Output, "the old module goes on")

	r = b.upgrade("admin@a", "well", ledger.Deployment{Name: "counter", Code: successor(), Initialise: true})
	require.Equal(t, ledger.StatusOK, r.Status, r.Message)
	require.Equal(t, byte(100), b.valueAt(t, "counter", "k"))
	require.Equal(t, []byte{100, 0, 0, 0}, b.call("alice@a", "counter", "x", 0).Output)
	require.Equal(t, ledger.StatusUnknownMethod, b.call("alice@a", "counter", "migrate", 0).Status, "nobody else calls it")

	r = b.upgrade("admin@a", "back", ledger.Deployment{Name: "counter", Code: counter()})
	require.Equal(t, ledger.StatusOK, r.Status, "without a migration")
	require.Equal(t, []byte{101, 0, 0, 0}, b.call("alice@a", "counter", "x", 0).Output)
	record, err := contracts.Find(newOverlay(b.chain.values), "counter")
	require.NoError(t, err)
	require.Equal(t, 2, record.Upgrades)
	require.Equal(t, ledger.Party("admin@a"), record.Deployer)
}
