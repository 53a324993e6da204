package execution

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/schema"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// relay calls a contract with the invocation that stands in its arguments, and fails as
// that fails. A method is one letter and the arguments are shorter than 128 bytes, so
// they begin at the sixth byte of the envelope, behind their length. It puts out what
// the called contract does.
func relay(contract string) []byte {
	b := asm.New()
	read, invoke, fetch, fail, output := b.ABI("call_read"), b.ABI("invoke"), b.ABI("fetch"), b.ABI("fail"), b.ABI("output")
	b.Data = asm.DataAt(0, []byte(contract))
	const envelope, size, result, room = 1000, 2000, 3000, 4000
	b.Call(nil,
		i32(envelope), i32(800), asm.CallFunc(read), asm.Op(0x1a),
		i32(0), i32(int32(len(contract))), i32(envelope+5), i32(envelope+4), asm.Memory(0x2d, 0, 0), asm.I64Const(20_000_000), asm.CallFunc(invoke),
		i32(size), i32(result), i32(room), asm.CallFunc(fetch), asm.Memory(0x36, 2, 0),
		asm.Op(0x04, 0x40), // it did not succeed: a code, and words
		i32(result), asm.Memory(0x28, 2, 0), i32(result+4), i32(size), asm.Memory(0x28, 2, 0), i32(4), asm.Op(0x6b), asm.CallFunc(fail),
		asm.Op(0x0b),
		i32(result), i32(size), asm.Memory(0x28, 2, 0), asm.CallFunc(output), i32(0))
	return b.Bytes()
}

// mirror puts out the call that it got.
func mirror() []byte {
	b := asm.New()
	read, output := b.ABI("call_read"), b.ABI("output")
	b.Call(nil, i32(0), i32(0), i32(1000), asm.CallFunc(read), asm.CallFunc(output), i32(0))
	return b.Bytes()
}

func bytesField(tag byte, v string) []byte {
	return append(binary.AppendUvarint([]byte{tag<<3 | 2}, uint64(len(v))), v...)
}

// invocation is a call of the token as a contract makes it.
func invocation(t *testing.T, method string, pairs ...string) (args, whole []byte) {
	s, err := schema.Parse(examples.TokenSchema)
	require.NoError(t, err)
	args, err = s.ArgsFromPairs(method, pairs)
	require.NoError(t, err)
	whole = append(bytesField(1, method), bytesField(2, string(args))...)
	require.Less(t, len(whole), 128)
	return args, whole
}

// money is a ledger with a token, of which alice has 100, and a contract that does with
// the token whatever it is told.
type money struct {
	*bench
	t *testing.T
}

func newMoney(t *testing.T, code []byte) money {
	b, _, _ := shadowed(t, 100, nil)
	require.Equal(t, ledger.StatusOK, b.register("admin@b", "bob@b", "b").Status)
	m := money{b, t}
	init, _ := invocation(t, "init", "symbol=EUR")
	d := ledger.Deployment{Name: "token", Code: code, Initialise: true, Init: init}
	r := b.block(b.tx("admin@a", "token", "deploy", string(d.Marshal()), time.Minute)).Results[0]
	require.Equal(t, ledger.StatusOK, r.Status, r.Message)
	for _, name := range []string{"thief", "shop"} {
		require.Equal(t, ledger.StatusOK, b.deploy("admin@b", name, relay("token")).Status)
	}
	require.Empty(t, m.does("admin@a", "mint", "to=alice@a", "amount=100"))
	return m
}

// does calls the token, and returns why it refuses.
func (m money) does(party ledger.Party, method string, pairs ...string) string {
	args, _ := invocation(m.t, method, pairs...)
	return m.ended(m.calling(party, "token", method, args, 0))
}

// through has a contract call the token.
func (m money) through(party ledger.Party, contract, method string, pairs ...string) string {
	_, whole := invocation(m.t, method, pairs...)
	return m.ended(m.calling(party, contract, "f", whole, 0))
}

func (m money) ended(tx []byte) string {
	r := m.block(tx).Results[0]
	if r.Status == ledger.StatusOK {
		return ""
	}
	require.Equal(m.t, ledger.StatusContractError, r.Status, r.Message)
	require.NotEmpty(m.t, r.Message)
	return r.Message
}

func (m money) holds(want map[string]string) {
	m.t.Helper()
	s, err := schema.Parse(examples.TokenSchema)
	require.NoError(m.t, err)
	for party, amount := range want {
		args, _ := invocation(m.t, "balance_of", "party="+party)
		run := &contracts.Runner{Modules: m.chain.modules, Store: newOverlay(m.chain.values), Call: wasm.Call{ReadOnly: true}}
		o, err := run.Run("token", "balance_of", args, 10_000_000)
		require.NoError(m.t, err)
		text, err := s.OutputJSON("balance_of", o.Output)
		require.NoError(m.t, err)
		require.JSONEq(m.t, `{"amount":"`+amount+`"}`, string(text), party)
	}
}

// Whatever contract alice calls, her units are hers: it moves what she allowed it, up to
// that, and what it holds itself, and no other contract can use what it may.
func TestAContractMovesNobodysUnitsButItsOwn(t *testing.T) {
	for language, code := range map[string][]byte{"go": examples.TokenGo, "rust": examples.TokenRust} {
		t.Run(language, func(t *testing.T) {
			m := newMoney(t, code)
			require.Equal(t, "contract:thief holds 0, less than 1", m.through("alice@a", "thief", "transfer", "to=bob@b", "amount=1"))
			require.Equal(t, "alice@a allows contract:thief 0, less than 1",
				m.through("alice@a", "thief", "transfer_from", "from=alice@a", "to=contract:thief", "amount=1"))
			require.Equal(t, "only admin@a makes units", m.through("admin@a", "thief", "mint", "to=contract:thief", "amount=1"))
			// An approval made by the contract is about the contract's own units.
			require.Empty(t, m.through("alice@a", "thief", "approve", "spender=bob@b", "amount=100"))
			require.Equal(t, "alice@a allows bob@b 0, less than 1", m.does("bob@b", "transfer_from", "from=alice@a", "to=bob@b", "amount=1"))
			require.Equal(t, "contract:thief holds 0, less than 1", m.does("bob@b", "transfer_from", "from=contract:thief", "to=bob@b", "amount=1"))
			m.holds(map[string]string{"alice@a": "100", "contract:thief": "0", "bob@b": "0"})

			require.Empty(t, m.does("alice@a", "approve", "spender=contract:shop", "amount=30"))
			require.Equal(t, "alice@a allows contract:shop 30, less than 31",
				m.through("alice@a", "shop", "transfer_from", "from=alice@a", "to=contract:shop", "amount=31"))
			require.Equal(t, "alice@a allows contract:thief 0, less than 1",
				m.through("alice@a", "thief", "transfer_from", "from=alice@a", "to=contract:thief", "amount=1"))
			require.Empty(t, m.through("bob@b", "shop", "transfer_from", "from=alice@a", "to=contract:shop", "amount=30"), "whoever calls the shop")
			require.Equal(t, "alice@a allows contract:shop 0, less than 1",
				m.through("alice@a", "shop", "transfer_from", "from=alice@a", "to=contract:shop", "amount=1"))
			m.holds(map[string]string{"alice@a": "70", "contract:shop": "30"})

			require.Empty(t, m.through("bob@b", "shop", "transfer", "to=bob@b", "amount=10"), "what a contract gives away is its own affair")
			require.Equal(t, "contract:thief holds 0, less than 1", m.through("bob@b", "thief", "transfer", "to=bob@b", "amount=1"))
			m.holds(map[string]string{"alice@a": "70", "contract:shop": "20", "bob@b": "10"})

			m.chain.shadow.Wait()
			require.NoError(t, m.chain.shadow.Err(), "the second run sees the same callers")
			require.Zero(t, m.chain.shadow.Stats().Failed)
		})
	}
}

// What a called contract gets: the contract that calls as the caller, without
// organisation and attributes, and the party that signed as the signer.
func TestACalledContractSeesWhoCallsAndWhoSigned(t *testing.T) {
	b := withEngine(t)
	for name, code := range map[string][]byte{"mirror": mirror(), "first": relay("mirror"), "second": relay("first")} {
		require.Equal(t, ledger.StatusOK, b.deploy("admin@a", name, code).Status)
	}
	inner := append(bytesField(1, "i"), bytesField(2, "x")...)
	outer := append(bytesField(1, "f"), bytesField(2, string(inner))...)
	for _, c := range []struct {
		contract string
		args     []byte
		caller   string
		via      string
	}{
		{"mirror", []byte("x"), "alice@a", ""},
		{"first", inner, "contract:first", "first"},
		{"second", outer, "contract:first", "first"},
	} {
		method := "f"
		if c.via == "" {
			method = "i"
		}
		r := b.block(b.calling("alice@a", c.contract, method, c.args, 0)).Results[0]
		require.Equal(t, ledger.StatusOK, r.Status, "%s: %s", c.contract, r.Message)
		want := append(append(bytesField(1, "i"), bytesField(2, "x")...), bytesField(3, c.caller)...)
		if c.via == "" {
			want = append(want, bytesField(4, "a")...)
		} else {
			want = append(want, bytesField(6, c.via)...)
		}
		want = append(want, bytesField(7, "mirror")...)
		require.Equal(t, want, r.Output[:len(want)], c.contract)
		signed := bytesField(11, "alice@a")
		if c.via == "" {
			require.NotContains(t, string(r.Output), string(signed), "it is left out when it is the caller")
			continue
		}
		require.Equal(t, signed, r.Output[len(r.Output)-len(signed):], c.contract)
	}
}
