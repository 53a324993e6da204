package execution

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

func i32(v int32) []byte { return asm.I32Const(v) }

// counter adds one to the value at "k", puts it out and emits it; with arguments
// it then traps, loops or fails by their first byte.
func counter() []byte {
	b := asm.New()
	get, put, output, emit, read, fail, invoke := b.ABI("get"), b.ABI("put"), b.ABI("output"), b.ABI("emit"), b.ABI("call_read"), b.ABI("fail"), b.ABI("invoke")
	b.Data = asm.DataAt(0, []byte("k\x00\x00\x00other\x00\x00\x00\x0a\x01x"))
	atEnd := func(method byte, body ...[]byte) []byte { // method names of one letter: byte 2 of the envelope
		return asm.Cat(i32(1002), asm.Memory(0x2d, 0, 0), i32(int32(method)), asm.Op(0x46, 0x04, 0x40), asm.Cat(body...), asm.Op(0x0b))
	}
	b.Call(nil,
		i32(1000), i32(200), asm.CallFunc(read), asm.Op(0x1a),
		i32(0), i32(1), i32(16), i32(8), asm.CallFunc(get), asm.Op(0x1a),
		i32(16), i32(16), asm.Memory(0x28, 2, 0), i32(1), asm.Op(0x6a), asm.Memory(0x36, 2, 0),
		i32(0), i32(1), i32(16), i32(8), i32(0), i32(0), asm.CallFunc(put), asm.Op(0x1a),
		i32(16), i32(4), asm.CallFunc(output),
		i32(0), i32(1), i32(16), i32(4), i32(0), i32(0), asm.CallFunc(emit), asm.Op(0x1a),
		atEnd('t', asm.Op(0x00)),
		atEnd('l', asm.Op(0x03, 0x40, 0x0c, 0x00, 0x0b)),
		atEnd('f', i32(42), i32(4), i32(5), asm.CallFunc(fail)),
		atEnd('m', i32(-1), i32(4), i32(5), asm.CallFunc(fail)),
		atEnd('o', i32(4), i32(5), i32(12), i32(3), asm.I64Const(1_000_000), asm.CallFunc(invoke), asm.Op(0x1a)),
		i32(0))
	return b.Bytes()
}

func deployment(name string, code []byte) string {
	d := ledger.Deployment{Name: name, Code: code}
	return string(d.Marshal())
}

func (b *bench) call(party ledger.Party, contract, method string, gas uint64) *ledger.Result {
	b.count++
	tx := ledger.Transaction{Ledger: ledger.ID{1}, Party: party, Command: []byte{byte(b.count), byte(b.count >> 8), 1}, Contract: contract,
		Method: method, ValidUntil: b.now + ledger.Time(time.Minute), GasLimit: gas}
	e := ledger.Envelope{Payload: tx.Marshal(), PublicKey: b.keys[party].Public()}
	return b.block(e.Marshal()).Results[0]
}

func withEngine(t *testing.T) *bench {
	b := newBench(t)
	m, err := contracts.NewModules(t.Context(), "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close(t.Context())) })
	b.chain.modules = m
	return b
}

func (b *bench) deploy(by ledger.Party, name string, code []byte) *ledger.Result {
	return b.block(b.tx(by, "deploy "+name+string(by), "deploy", deployment(name, code), time.Minute)).Results[0]
}

func TestAContractIsDeployedAndCalled(t *testing.T) {
	b := withEngine(t)
	require.Equal(t, ledger.StatusRefused, b.deploy("alice@a", "counter", counter()).Status, "alice is no administrator")
	require.Equal(t, ledger.StatusUnknownContract, b.call("alice@a", "counter", "x", 0).Status)
	r := b.deploy("admin@a", "counter", counter())
	require.Equal(t, ledger.StatusOK, r.Status, r.Message)
	require.Contains(t, b.deploy("admin@b", "counter", counter()).Message, "deployed already")
	for i := range 3 {
		r = b.call("alice@a", "counter", "x", 0)
		require.Equal(t, ledger.StatusOK, r.Status, r.Message)
		require.Equal(t, []byte{byte(i + 1), 0, 0, 0}, r.Output)
		require.Equal(t, []ledger.Event{{Contract: "counter", Topic: "k", Data: r.Output, Audience: []byte{}}}, r.Events)
		require.NotZero(t, r.GasUsed)
	}
	v, err := b.chain.values.get(contracts.Key("counter", []byte("k")))
	require.NoError(t, err)
	require.Equal(t, byte(3), v[2])
}

func TestACallThatDoesNotSucceedChangesNothing(t *testing.T) {
	b := withEngine(t)
	require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "counter", counter()).Status)
	require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "other", counter()).Status)
	root := b.chain.tree.Root()
	for method, want := range map[string]ledger.Result{
		"t":    {Status: ledger.StatusTrapped, Message: "unreachable"},
		"l":    {Status: ledger.StatusOutOfGas, Message: "the gas limit of 3000000 is used up", GasUsed: 3_000_000},
		"f":    {Status: ledger.StatusContractError, Code: 42, Message: "other"},
		"m":    {Status: ledger.StatusUnknownMethod, Message: "other"},
		"init": {Status: ledger.StatusUnknownMethod, Message: "init runs once, at deployment"},
	} {
		r := b.call("alice@a", "counter", method, 3_000_000)
		require.Equal(t, want.Status, r.Status, method)
		require.Equal(t, want.Message, r.Message)
		require.Equal(t, want.Code, r.Code)
		if want.GasUsed != 0 {
			require.Equal(t, want.GasUsed, r.GasUsed)
		}
		require.Empty(t, r.Events)
		require.Equal(t, root, b.chain.tree.Root(), method)
	}
	r := b.call("alice@a", "counter", "o", 0)
	require.Equal(t, ledger.StatusOK, r.Status, r.Message)
	require.Len(t, r.Events, 2, "its own, and that of the contract it called")
	require.Equal(t, "other", r.Events[1].Contract)
	v, err := b.chain.values.get(contracts.Key("other", []byte("k")))
	require.NoError(t, err)
	require.Equal(t, byte(1), v[2])
}

func TestDeploymentsThatAreRefused(t *testing.T) {
	b := withEngine(t)
	foreign := asm.New()
	foreign.Import("env", "foo", nil, nil)
	for text, args := range map[string]string{
		"no WebAssembly module":          deployment("a", []byte("hello")),
		"env.foo, which is not offered":  deployment("b", foreign.Call(nil, i32(0)).Bytes()),
		"is no contract name":            deployment("Big", counter()),
		"belongs to the built-in":        deployment("concordat", counter()),
		"it holds no module":             deployment("c", nil),
		"a number is cut off":            "\xff",
		"does not export the function":   deployment("d", asm.New().Bytes()),
		"cannot be read, or so it seems": "",
	} {
		r := b.block(b.tx("admin@a", text, "deploy", args, time.Minute)).Results[0]
		require.Equal(t, ledger.StatusRefused, r.Status, text)
		if !strings.HasSuffix(text, "seems") {
			require.Contains(t, r.Message, text)
		}
	}
	d := ledger.Deployment{Name: "e", Code: counter(), Initialise: true}
	r := b.block(b.tx("admin@a", "with init", "deploy", string(d.Marshal()), time.Minute)).Results[0]
	require.Equal(t, ledger.StatusOK, r.Status, r.Message)
}

// A replica that starts from the stored state compiles what the state holds and
// goes on alike.
func TestARestartedChainRunsTheSameContracts(t *testing.T) {
	x, y := withEngine(t), withEngine(t)
	blocks := [][]byte{x.tx("admin@a", "d", "deploy", deployment("counter", counter()), time.Minute)}
	for range 4 {
		blocks = append(blocks, nil)
	}
	for i := range blocks {
		raw := blocks[i]
		if raw == nil {
			tx := ledger.Transaction{Ledger: ledger.ID{1}, Party: "alice@a", Command: []byte{byte(i)}, Contract: "counter", Method: "x", ValidUntil: x.now + ledger.Time(time.Minute)}
			e := ledger.Envelope{Payload: tx.Marshal(), PublicKey: x.keys["alice@a"].Public()}
			raw = e.Marshal()
		}
		bx := x.block(raw)
		fresh, err := contracts.NewModules(t.Context(), "")
		require.NoError(t, err)
		y.chain.modules = fresh // nothing compiled, as after a restart
		by := y.block(raw)
		require.NoError(t, fresh.Close(t.Context()))
		require.Equal(t, bx.Outcome, by.Outcome)
		require.Equal(t, bx.Results, by.Results)
	}
}
