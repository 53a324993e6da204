package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFieldsAreFlags(t *testing.T) {
	for given, want := range map[string]string{
		"invoke token transfer --to bob@org1 --amount 5":                   "invoke token transfer to=bob@org1 amount=5",
		"invoke token transfer to=bob@org1 --amount=5 --as a@b":            "invoke token transfer to=bob@org1 amount=5 --as a@b",
		"--as a@b invoke token transfer --to x -o json --amount 5":         "--as a@b invoke token transfer to=x -o json amount=5",
		"invoke token pay --from-party x --urgent --delta -5 --last":       "invoke token pay from_party=x urgent=true delta=-5 last=true",
		"invoke token transfer --gas 5 --json {} --help":                   "invoke token transfer --gas 5 --json {} --help",
		"invoke --to x token transfer":                                     "invoke --to x token transfer",
		"invoke token transfer -- --to x":                                  "invoke token transfer -- --to x",
		"query token balance_of --party x --height 5":                      "query token balance_of party=x --height 5",
		"contract deploy token t.wasm --symbol EUR --no-init --minter m@x": "contract deploy token t.wasm symbol=EUR --no-init minter=m@x",
		"contract deploy --symbol EUR":                                     "contract deploy symbol=EUR",
		"contract upgrade token t.wasm --fee 3 --force":                    "contract upgrade token t.wasm fee=3 --force",
		"contract build --nonsense x":                                      "contract build --nonsense x",
		"status --to x":                                                    "status --to x",
		"":                                                                 "",
	} {
		have := fieldsAsPairs(newRoot(), strings.Fields(given))
		require.Equal(t, want, strings.Join(have, " "), given)
	}
}
