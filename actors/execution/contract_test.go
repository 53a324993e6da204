package execution

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
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
	return b.block(b.envelope(party, contract, method, gas)).Results[0]
}

func (b *bench) envelope(party ledger.Party, contract, method string, gas uint64) []byte {
	return b.calling(party, contract, method, nil, gas)
}

func (b *bench) calling(party ledger.Party, contract, method string, args []byte, gas uint64) []byte {
	b.count++
	tx := ledger.Transaction{Ledger: ledger.ID{1}, Party: party, Command: []byte{byte(b.count), byte(b.count >> 8), 1}, Contract: contract,
		Method: method, Args: args, ValidUntil: b.now + ledger.Time(time.Minute), GasLimit: gas}
	e := ledger.Envelope{Payload: tx.Marshal(), PublicKey: b.keys[party].Public()}
	return e.Marshal()
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
	v, err = state.RecordValue(v)
	require.NoError(t, err)
	require.Equal(t, byte(3), v[0])
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
	v, err = state.RecordValue(v)
	require.NoError(t, err)
	require.Equal(t, byte(1), v[0])
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

// A contract that is in a call cannot be entered again, directly or through another;
// the caller is told and goes on.
func TestReentrancyIsRefused(t *testing.T) {
	b := withEngine(t)
	require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "other", counter()).Status)
	r := b.call("alice@a", "other", "o", 0) // it calls "other", which is itself
	require.Equal(t, ledger.StatusOK, r.Status, r.Message)
	require.Len(t, r.Events, 1, "the inner call did not take place")
}

// keeper writes a record for bob@b alone under "k", or puts out what get says of it.
func keeper() []byte {
	b := asm.New()
	get, put, output, read := b.ABI("get"), b.ABI("put"), b.ABI("output"), b.ABI("call_read")
	b.Data = asm.DataAt(0, []byte("k\x00\x00\x00\x01\x00\x05\x00bob@b"))
	b.Call(nil,
		i32(1000), i32(200), asm.CallFunc(read), asm.Op(0x1a),
		i32(1002), asm.Memory(0x2d, 0, 0), i32('w'), asm.Op(0x46, 0x04, 0x40),
		i32(0), i32(1), i32(8), i32(3), i32(4), i32(9), asm.CallFunc(put), asm.Op(0x1a), asm.Op(0x0b),
		i32(100), i32(0), i32(1), i32(200), i32(8), asm.CallFunc(get), asm.Memory(0x36, 2, 0),
		i32(100), i32(math.MinInt32|4), asm.CallFunc(output), i32(0)) // declassified
	return b.Bytes()
}

// A query reads for somebody: what that reader may not see does not exist for it. A
// transaction sees all.
func TestAQuerySeesWhatItsReaderMay(t *testing.T) {
	b := withEngine(t)
	require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "keeper", keeper()).Status)
	r := b.call("alice@a", "keeper", "w", 0)
	require.Equal(t, ledger.StatusOK, r.Status, r.Message)
	require.Equal(t, []byte{3, 0, 0, 0}, b.call("alice@a", "keeper", "g", 0).Output)
	for name, c := range map[string]struct {
		reader ledger.Recipient
		want   []byte
	}{
		"nobody in particular": {ledger.Recipient{}, []byte{0xff, 0xff, 0xff, 0xff}},
		"another party":        {ledger.Recipient{Party: "alice@a", Organisation: "a"}, []byte{0xff, 0xff, 0xff, 0xff}},
		"the audience":         {ledger.Recipient{Party: "bob@b"}, []byte{3, 0, 0, 0}},
		"an auditor":           {ledger.Recipient{Auditor: true}, []byte{3, 0, 0, 0}},
	} {
		run := &contracts.Runner{Modules: b.chain.modules, Store: newOverlay(b.chain.values), Reader: &c.reader, Call: wasm.Call{ReadOnly: true}}
		o, err := run.Run("keeper", "g", nil, 1_000_000)
		require.NoError(t, err, name)
		require.Equal(t, wasm.OK, o.Status, "%s: %s", name, o.Message)
		require.Equal(t, c.want, o.Output, name)
	}
}

// writer writes sixteen records of 60 KiB.
func writer() []byte {
	b := asm.New()
	put := b.ABI("put")
	b.Call([]byte{asm.I32}, i32(16), asm.Set(0), asm.Op(0x03, 0x40),
		i32(0), asm.Get(0), asm.Memory(0x3a, 0, 0),
		i32(0), i32(1), i32(0), i32(60<<10), i32(0), i32(0), asm.CallFunc(put), asm.Op(0x1a),
		asm.Get(0), i32(1), asm.Op(0x6b), asm.Tee(0), asm.Op(0x0d, 0x00, 0x0b), i32(0))
	return b.Bytes()
}

// A block that has no more room refuses what would not fit, and takes it in the next.
func TestABlockHasRoomForSoMuch(t *testing.T) {
	b := withEngine(t)
	require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "writer", writer()).Status)
	var txs [][]byte
	for i := range 20 {
		tx := ledger.Transaction{Ledger: ledger.ID{1}, Party: "alice@a", Command: []byte{byte(i)}, Contract: "writer", Method: "w", ValidUntil: b.now + ledger.Time(time.Minute)}
		e := ledger.Envelope{Payload: tx.Marshal(), PublicKey: b.keys["alice@a"].Public()}
		txs = append(txs, e.Marshal())
	}
	block := b.block(txs...)
	for i, r := range block.Results {
		if i < 17 {
			require.Equal(t, ledger.StatusOK, r.Status, "%d: %s", i, r.Message)
			continue
		}
		require.Equal(t, ledger.StatusRefused, r.Status)
		require.Contains(t, r.Message, "no room")
	}
	require.Equal(t, ledger.StatusOK, b.call("alice@a", "writer", "w", 0).Status)
}

// again calls itself once and then writes what "k" holds after the inner call's write,
// which is one more. It declares to be ready for that, if told so.
func again(ready bool) []byte {
	b := asm.New()
	get, put, output, read, invoke := b.ABI("get"), b.ABI("put"), b.ABI("output"), b.ABI("call_read"), b.ABI("invoke")
	b.Data = asm.DataAt(0, []byte("k\x00\x00\x00again\x00\x00\x00\x0a\x01i"))
	load := asm.Cat(i32(0), i32(1), i32(16), i32(4), asm.CallFunc(get), asm.Op(0x1a))
	b.Call(nil,
		i32(1000), i32(200), asm.CallFunc(read), asm.Op(0x1a),
		load,
		i32(1002), asm.Memory(0x2d, 0, 0), i32('o'), asm.Op(0x46, 0x04, 0x40),
		i32(4), i32(5), i32(12), i32(3), asm.I64Const(math.MaxInt64), asm.CallFunc(invoke), asm.Op(0x1a),
		load, asm.Op(0x0b),
		i32(16), i32(16), asm.Memory(0x28, 2, 0), i32(1), asm.Op(0x6a), asm.Memory(0x36, 2, 0),
		i32(0), i32(1), i32(16), i32(4), i32(0), i32(0), asm.CallFunc(put), asm.Op(0x1a),
		i32(16), i32(4), asm.CallFunc(output), i32(0))
	if ready {
		b.Export(module.ExportReentrant, 3, b.Global(asm.I32, false, i32(1)))
	}
	return b.Bytes()
}

// A contract that declares to be ready for it may be entered while it is in a call;
// what it reads after the inner call is fresh.
func TestReentrancyCanBeDeclared(t *testing.T) {
	for ready, want := range map[bool]byte{true: 2, false: 1} {
		b := withEngine(t)
		require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "again", again(ready)).Status)
		r := b.call("alice@a", "again", "o", 0)
		require.Equal(t, ledger.StatusOK, r.Status, r.Message)
		require.Equal(t, []byte{want, 0, 0, 0}, r.Output)
	}
}

// A party's organisation is where it is registered; its name may say something else.
func TestAnOrganisationCoversItsRegisteredParties(t *testing.T) {
	b := withEngine(t)
	r := b.register("admin@b", "stranger@a", "b")
	require.Equal(t, ledger.StatusOK, r.Status, r.Message)
	for to, want := range map[ledger.Party]byte{"alice@a": 0, "stranger@a": 4, "nobody@a": 4} {
		m := asm.New()
		get, put, output := m.ABI("get"), m.ABI("put"), m.ABI("output")
		from, into := ledger.NewAudience("org:a").Encode(), ledger.NewAudience(to).Encode()
		m.Data = asm.DataAt(0, append(append([]byte("kx"), from...), into...))
		m.Call(nil,
			i32(0), i32(1), i32(0), i32(1), i32(2), i32(int32(len(from))), asm.CallFunc(put), asm.Op(0x1a),
			i32(0), i32(1), i32(900), i32(9), asm.CallFunc(get), asm.Op(0x1a),
			i32(800), i32(1), i32(1), i32(0), i32(1), i32(2+int32(len(from))), i32(int32(len(into))), asm.CallFunc(put), asm.Memory(0x36, 2, 0),
			i32(800), i32(math.MinInt32|4), asm.CallFunc(output), i32(0))
		name, _, _ := strings.Cut(string(to), "@")
		require.Equal(t, ledger.StatusOK, b.deploy("admin@a", name, m.Bytes()).Status)
		r := b.call("alice@a", name, "x", 0)
		require.Equal(t, ledger.StatusOK, r.Status, r.Message)
		require.Equal(t, []byte{want, 0, 0, 0}, r.Output, to)
	}
}

// The call holds what the caller's organisation vouches for, in the order of names.
func TestACallHoldsTheCallersAttributes(t *testing.T) {
	b := withEngine(t)
	public := b.keys["alice@a"].Public()
	args, err := json.Marshal(ledger.PartyRecord{Party: "alice@a", Organisation: "a", PublicKey: public[:],
		Attributes: map[string]string{"role": "teller", "branch": "7", "rank": ""}})
	require.NoError(t, err)
	r := b.block(b.tx("admin@a", "attributes", "register_party", string(args), time.Minute)).Results[0]
	require.Equal(t, ledger.StatusOK, r.Status, r.Message)
	m := asm.New()
	read, output := m.ABI("call_read"), m.ABI("output")
	m.Call([]byte{asm.I32}, i32(0), i32(0), i32(1000), asm.CallFunc(read), asm.CallFunc(output), i32(0))
	require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "mirror", m.Bytes()).Status)
	r = b.call("alice@a", "mirror", "x", 0)
	require.Equal(t, ledger.StatusOK, r.Status, r.Message)
	require.Contains(t, string(r.Output), "\x22\x01a\x2a\x0b\x0a\x06branch\x12\x017\x2a\x06\x0a\x04rank\x2a\x0e\x0a\x04role\x12\x06teller")
}

// A module that the state holds was accepted once. If this replica then refuses it, the
// replica is at fault: its word must not become the result of a deployment that calls it.
func TestAFaultOfThisReplicaIsNoVerdictOnADeployment(t *testing.T) {
	b := withEngine(t)
	spoilt := []byte("no module")
	hash := wasm.HashCode(spoilt)
	record := &contracts.Record{Name: "other", Code: hash[:], Bytes: len(spoilt), Height: 1}
	o := newOverlay(b.chain.values)
	require.NoError(t, contracts.Save(o, record, o.from, spoilt))
	o.keep()
	b.chain.values.apply(b.chain.height, o.changes())
	d := ledger.Deployment{Name: "counter", Code: counterThatCalls(), Initialise: true}
	_, err := b.chain.execute(b.decided(b.tx("admin@a", "deploy it", "deploy", string(d.Marshal()), time.Minute)))
	require.ErrorContains(t, err, "the module is refused")
}

// counterThatCalls calls the contract other from its first call on.
func counterThatCalls() []byte {
	b := asm.New()
	invoke := b.ABI("invoke")
	b.Data = asm.DataAt(0, []byte("other"))
	return b.Call(nil, i32(0), i32(5), i32(0), i32(0), asm.I64Const(1_000_000), asm.CallFunc(invoke), asm.Op(0x1a), i32(0)).Bytes()
}

// Whether a module is ready, was just compiled, or is compiled in the middle of a call of
// another contract, the blocks are the same.
func TestItDoesNotMatterWhenAModuleIsCompiled(t *testing.T) {
	var roots []ledger.Outcome
	for _, forgets := range []bool{false, true} {
		b := withEngine(t)
		require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "counter", counter()).Status)
		require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "other", asm.New().Call(nil, i32(0)).Bytes()).Status)
		for _, method := range []string{"o", "x", "o", "t", "o"} {
			if forgets { // as after a restart
				m, err := contracts.NewModules(t.Context(), "")
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, m.Close(t.Context())) })
				b.chain.modules = m
			}
			out := b.block(b.envelope("alice@a", "counter", method, 0))
			roots = append(roots, out.Outcome)
			if method != "t" {
				require.Equal(t, ledger.StatusOK, out.Results[0].Status, out.Results[0].Message)
			}
		}
	}
	require.Equal(t, roots[:5], roots[5:])
}

// Why JSON cannot be read is said in words that differ among versions of Go, so they are not
// in a result.
func TestARefusedSchemaIsToldInOurWords(t *testing.T) {
	b := withEngine(t)
	plain := asm.New().Call(nil, i32(0)).Bytes()
	for schema, want := range map[string]string{
		`{"version": 1,`:     "is not the JSON of one",
		`{"version": "one"}`: "is not the JSON of one",
		`{"unknown": 1}`:     "is not the JSON of one",
		`{"version": 9}`:     "version",
	} {
		code, err := module.Embed(plain, []byte(schema))
		require.NoError(t, err)
		b.count++
		r := b.deploy("admin@a", fmt.Sprintf("c%d", b.count), code)
		require.Equal(t, ledger.StatusRefused, r.Status)
		require.Contains(t, r.Message, want)
		for _, word := range []string{"EOF", "unmarshal", "json:", "Go "} {
			require.NotContains(t, r.Message, word, schema)
		}
	}
}
