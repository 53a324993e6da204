package module_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/wasm/module"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

func TestSchemaIsEmbeddedOnce(t *testing.T) {
	code := asm.New().Call(nil, asm.I32Const(0)).Bytes()
	for _, text := range []string{"first", "second"} {
		var err error
		code, err = module.Embed(code, []byte(text))
		require.NoError(t, err)
		info, err := module.Check(code)
		require.NoError(t, err)
		require.Equal(t, text, string(info.Schema))
	}
	_, err := module.Embed([]byte("no module"), []byte("x"))
	var refusal *module.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, module.RuleFormat, refusal.Rule)
}

// Rewriting is a function of the bytes.
func TestRewritingIsDeterministic(t *testing.T) {
	for _, code := range [][]byte{examples.TokenGo, examples.TokenRust} {
		a, info, err := module.Instrument(code)
		require.NoError(t, err)
		b, _, err := module.Instrument(code)
		require.NoError(t, err)
		require.Equal(t, string(a), string(b))
		require.Positive(t, info.ChargePoints)
		t.Logf("%d bytes became %d, %d charge points, %d functions, budget %d%%", len(code), len(a), info.ChargePoints, info.Functions, info.CompileCost*100/module.CompileBudget)
	}
}

// Whatever the bytes, the verdict is a Refusal or a module, in bounded time.
func FuzzInstrument(f *testing.F) {
	f.Add(asm.New().Call(nil, asm.I32Const(0)).Bytes())
	f.Add(asm.Hostile())
	f.Add(examples.TokenRust[:2000])
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x01\x80\x80\x80\x80\x08"))
	f.Fuzz(func(t *testing.T, code []byte) {
		out, info, err := module.Instrument(code)
		if err != nil {
			var refusal *module.Refusal
			if !errors.As(err, &refusal) || refusal.Rule == "" {
				t.Fatalf("%v is no refusal", err)
			}
			return
		}
		if _, err := module.InstrumentAny(out); err != nil && info.Functions > 0 {
			return // what was added may break a limit; it must only not panic
		}
	})
}

func BenchmarkInstrument(b *testing.B) {
	for name, code := range map[string][]byte{"go": examples.TokenGo, "rust": examples.TokenRust} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(code)))
			for b.Loop() {
				if _, _, err := module.Instrument(code); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
