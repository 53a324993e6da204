package corpus

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/wasm"
)

// randomEntry is the program of a seed with two calls.
func randomEntry(seed uint64) entry {
	en := entry{name: fmt.Sprintf("random/%03d", seed), code: randomModule(seed)}
	r := random{^seed}
	for i := range 2 {
		args := make([]byte, 48)
		for j := range args {
			args[j] = byte(r.next())
		}
		en.calls = append(en.calls, call{Call: wasm.Call{Args: args}, name: fmt.Sprint(i), gas: 400_000})
	}
	return en
}

// tokens are both tokens with the calls of their vectors.
func tokens(t testing.TB) []entry {
	text, err := os.ReadFile("../../contracts-sdk/examples/token/vectors.txt")
	require.NoError(t, err)
	var out []entry
	for language, code := range map[string][]byte{"go": examples.TokenGo, "rust": examples.TokenRust} {
		en := entry{name: "token-" + language, code: code, keep: true}
		fresh := true
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			f := strings.Fields(line)
			switch f[0] {
			case "case":
				fresh = true
			case "call":
				args, err := hex.DecodeString(strings.TrimPrefix(f[3], "-"))
				require.NoError(t, err)
				en.calls = append(en.calls, call{
					Call: wasm.Call{Method: f[2], Args: args, Caller: f[1], Self: "token", Height: 7, Time: 9},
					name: fmt.Sprintf("%02d-%s", len(en.calls), f[2]), gas: 50_000_000, fresh: fresh,
				})
				fresh = false
			}
		}
		out = append(out, en)
	}
	return out
}
