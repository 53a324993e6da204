package execution

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// shadowed is a bench whose engine has a defect, or none, with a shadow beside it.
func shadowed(t *testing.T, percent float64, defect func([]byte) []byte) (*bench, contracts.ShadowConfig, chan error) {
	b := newBench(t)
	m, err := contracts.NewModulesWith(t.Context(), wasm.Config{Alter: defect})
	require.NoError(t, err)
	found := make(chan error, 1)
	cfg := contracts.ShadowConfig{Percent: percent, Folder: filepath.Join(t.TempDir(), "shadow"), Busy: true, Found: func(err error) { found <- err }}
	s, err := contracts.NewShadow(t.Context(), m, cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, m.Close(t.Context()))
	})
	b.chain.modules, b.chain.shadow = m, s
	return b, cfg, found
}

// instead is a compiler that takes one piece of code for another, at its first or its
// last place.
func instead(t *testing.T, of, by []byte, last bool) func([]byte) []byte {
	require.Len(t, by, len(of))
	return func(code []byte) []byte {
		out := bytes.Clone(code)
		at := bytes.Index(out, of)
		if last {
			at = bytes.LastIndex(out, of)
		}
		if at < 0 {
			t.Errorf("%x does not occur", of)
			return out
		}
		copy(out[at:], by)
		return out
	}
}

// Whatever an engine gets wrong, it is found, the evidence is kept, and nothing is
// executed any more.
func TestAnEngineThatMiscalculatesIsFoundAndStopped(t *testing.T) {
	addOne := asm.Cat(i32(16), asm.Memory(0x28, 2, 0), i32(1), asm.Op(0x6a))
	addTwo := asm.Cat(i32(16), asm.Memory(0x28, 2, 0), i32(2), asm.Op(0x6a))
	put := asm.Cat(i32(0), i32(1), i32(16), i32(8), i32(0), i32(0))
	emit := asm.Cat(i32(0), i32(1), i32(16), i32(4), i32(0), i32(0))
	for name, c := range map[string]struct {
		of, by []byte
		method string
		what   string
	}{
		"another value is written":  {addOne, addTwo, "x", `is set "c/counter/k"`},
		"another length is written": {put, asm.Cat(i32(0), i32(1), i32(16), i32(9), i32(0), i32(0)), "x", `is set "c/counter/k"`},
		"another output":            {asm.Cat(i32(16), i32(4), asm.Op(0x10)), asm.Cat(i32(17), i32(4), asm.Op(0x10)), "x", "puts out"},
		"another event":             {emit, asm.Cat(i32(0), i32(1), i32(17), i32(4), i32(0), i32(0)), "x", "event 0"},
		"another failure":           {asm.Cat(i32(42), i32(4), i32(5)), asm.Cat(i32(43), i32(4), i32(5)), "f", "fails with 43"},
		"another end":               {asm.Cat(i32(16), asm.Memory(0x28, 2, 0)), asm.Cat(asm.Op(0x00), i32(16), asm.Op(0x01, 0x01)), "x", "is rollback 0 in machine code"},
		"more gas":                  {asm.Cat(i32(16), i32(4), asm.Op(0x10)), asm.Cat(i32(16), i32(0), asm.Op(0x10)), "x", "gas"},
		"in a contract it calls":    {asm.Cat(i32(16), i32(4), asm.Op(0x10)), asm.Cat(i32(17), i32(4), asm.Op(0x10)), "o", "puts out"},
	} {
		t.Run(name, func(t *testing.T) {
			b, cfg, found := shadowed(t, 100, instead(t, c.of, c.by, false))
			require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "counter", counter()).Status)
			require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "other", counter()).Status)
			b.chain.shadow.Wait()
			require.NoError(t, b.chain.shadow.Err(), "nothing ran yet")
			b.call("alice@a", "counter", c.method, 0)
			b.chain.shadow.Wait()
			err := <-found
			var wrong *contracts.Mismatch
			require.ErrorAs(t, err, &wrong)
			require.Contains(t, wrong.What, c.what)
			require.Contains(t, err.Error(), "This replica has stopped")
			require.Contains(t, err.Error(), wrong.File)
			require.NotContains(t, err.Error(), "\n")
			raw, readErr := os.ReadFile(wrong.File)
			require.NoError(t, readErr)
			var evidence map[string]any
			require.NoError(t, json.Unmarshal(raw, &evidence))
			require.Equal(t, "counter", evidence["contract"])
			require.Equal(t, wasm.HashCode(counter()).String(), evidence["module"])
			require.Contains(t, string(raw), "get")

			b.now += ledger.Time(time.Second)
			_, err = b.chain.execute(b.decided(b.envelope("alice@a", "counter", "x", 0)))
			require.ErrorIs(t, err, wrong, "nothing is executed any more")
			_, err = contracts.NewShadow(t.Context(), b.chain.modules, cfg)
			require.ErrorContains(t, err, "disagreed here before", "nor after a start, as long as nobody has looked")
			require.ErrorContains(t, err, wrong.File)
		})
	}
}

// A module that is another one after its warm-up is found at its deployment, also when
// no transaction is chosen, and so is a call of init.
func TestDeploymentsAreAlwaysShadowed(t *testing.T) {
	module := func() []byte {
		b := asm.New()
		b.Export("warm", 0, b.Func(nil, nil, nil, i32(500), i32(77), asm.Memory(0x36, 2, 0)))
		return b.Call(nil, i32(600), i32(88), asm.Memory(0x36, 2, 0), i32(0)).Bytes()
	}
	stored := asm.Cat(i32(500), i32(77))
	b, _, found := shadowed(t, 0, instead(t, stored, asm.Cat(i32(500), i32(78)), false))
	require.Equal(t, ledger.StatusOK, b.deploy("admin@a", "warmed", module()).Status)
	b.chain.shadow.Wait()
	require.ErrorContains(t, <-found, "its memory differs after initialisation and warm-up, first at byte 500")

	traps := append(asm.Op(0x00), bytes.Repeat(asm.Op(0x01), 8)...)
	b, _, found = shadowed(t, 0, instead(t, asm.Cat(stored, asm.Memory(0x36, 2, 0)), traps, false))
	require.Equal(t, ledger.StatusRefused, b.deploy("admin@a", "warmed", module()).Status)
	b.chain.shadow.Wait()
	require.ErrorContains(t, <-found, "machine code says that the module is refused: its warm does not end well: unreachable, the interpreter accepts it")

	called := asm.Cat(i32(600), i32(88))
	b, _, found = shadowed(t, 0, instead(t, asm.Cat(called, asm.Memory(0x36, 2, 0)), traps, false))
	d := ledger.Deployment{Name: "warmed", Code: module(), Initialise: true}
	r := b.block(b.tx("admin@a", "with init", "deploy", string(d.Marshal()), time.Minute)).Results[0]
	require.Equal(t, ledger.StatusTrapped, r.Status)
	b.chain.shadow.Wait()
	require.ErrorContains(t, <-found, "machine code goes on with rollback")
}

// All that contracts do, by both languages, and how they end, is the same twice.
func TestNoFalseAlarms(t *testing.T) {
	for name, code := range map[string][]byte{"go": examples.TokenGo, "rust": examples.TokenRust, "hostile": asm.Hostile()} {
		t.Run(name, func(t *testing.T) {
			b, _, _ := shadowed(t, 100, nil)
			d := ledger.Deployment{Name: "token", Code: code, Initialise: true}
			r := b.block(b.tx("admin@a", "with init", "deploy", string(d.Marshal()), time.Minute)).Results[0]
			require.Equal(t, ledger.StatusOK, r.Status, r.Message)
			for _, method := range []string{"loop", "alloc", "recurse", "trap", "fail", "write", "other", "issue", "transfer", "balance"} {
				b.call("alice@a", "token", method, 2_000_000)
			}
			b.chain.shadow.Wait()
			require.NoError(t, b.chain.shadow.Err())
			stats := b.chain.shadow.Stats()
			require.EqualValues(t, 12, stats.Same, "%+v", stats)
			require.Zero(t, stats.Left+stats.Failed, "%+v", stats)
		})
	}
}

// The shared vectors of the token, run as transactions and then once more.
func TestTheTokensVectorsAreTheSameTwice(t *testing.T) {
	text, err := os.ReadFile("../../contracts-sdk/examples/token/vectors.txt")
	require.NoError(t, err)
	for language, code := range map[string][]byte{"go": examples.TokenGo, "rust": examples.TokenRust} {
		t.Run(language, func(t *testing.T) {
			b, _, _ := shadowed(t, 100, nil)
			require.Equal(t, ledger.StatusOK, b.register("admin@b", "bob@b", "b").Status)
			cases, calls, succeeded, deployed := 0, 0, 0, 0
			for line := range strings.Lines(string(text)) {
				field := strings.Fields(line)
				if len(field) == 0 || field[0] != "case" && field[0] != "call" {
					continue
				}
				if field[0] == "case" {
					cases++
					continue
				}
				calls++
				name := fmt.Sprint("token-", cases)
				args, _ := hex.DecodeString(field[3]) // "-" is none
				if field[2] == "init" && field[1] == "admin@a" && deployed != cases {
					deployed = cases
					d := ledger.Deployment{Name: name, Code: code, Initialise: true, Init: args}
					r := b.block(b.tx("admin@a", name, "deploy", string(d.Marshal()), time.Minute)).Results[0]
					require.Equal(t, ledger.StatusOK, r.Status, r.Message)
					succeeded++
					continue
				}
				party := ledger.Party(field[1])
				if _, known := b.keys[party]; !known {
					party = "alice@a" // who asks, or is refused, may be anybody
				}
				if b.block(b.calling(party, name, field[2], args, 0)).Results[0].Status == ledger.StatusOK {
					succeeded++
				}
			}
			b.chain.shadow.Wait()
			require.NoError(t, b.chain.shadow.Err())
			stats := b.chain.shadow.Stats()
			require.Zero(t, stats.Failed, "%+v", stats)
			require.Greater(t, succeeded, calls/2)
			require.Zero(t, stats.Left, "%+v", stats)
			require.GreaterOrEqual(t, stats.Same, uint64(succeeded), "%+v", stats)
			t.Logf("%d cases, %d calls of which %d succeeded, %+v", cases, calls, succeeded, stats)
		})
	}
}

// More contracts than the second engine keeps take turns, and call each other: none is
// missing when its turn comes.
func TestMoreContractsThanTheShadowKeeps(t *testing.T) {
	b, _, _ := shadowed(t, 100, nil)
	names := []string{"other", "b", "c", "d", "e", "f"}
	for i, name := range names {
		code := append(counter(), 0, 3, 1, 'x', byte(i)) // a custom section makes it another module
		require.Equal(t, ledger.StatusOK, b.deploy("admin@a", name, code).Status)
	}
	for range 5 {
		for _, name := range names {
			require.Equal(t, ledger.StatusOK, b.call("alice@a", name, "o", 0).Status)
		}
	}
	b.chain.shadow.Wait()
	require.NoError(t, b.chain.shadow.Err())
	require.Equal(t, contracts.ShadowStats{Same: 36}, b.chain.shadow.Stats())
}
