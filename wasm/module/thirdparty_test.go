package module_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/concordat-ledger/concordat/wasm/module"
)

// envThirdParty names the folders, as a PATH does, under which contracts of others
// are looked for. Their binaries are not ours to keep; the checks fetch the modules
// that carry them.
const envThirdParty = "CONCORDAT_COSMWASM"

func thirdParty(t testing.TB) []string {
	t.Helper()
	folders := os.Getenv(envThirdParty)
	if folders == "" {
		t.Skip(envThirdParty + " names no folder with contracts of others: .ci/run third-party fetches them")
	}
	var files []string
	for _, dir := range filepath.SplitList(folders) {
		require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if filepath.Ext(path) == ".wasm" {
				files = append(files, path)
			}
			return err
		}))
	}
	require.NotEmpty(t, files)
	return files
}

// Contracts that were written and compiled elsewhere are rewritten and compiled in
// both engines. One that is refused is named with the rule.
func TestContractsOfOthersCompile(t *testing.T) {
	ctx := context.Background()
	seen := map[[32]byte]bool{}
	var good, refused, broken int
	for _, path := range thirdParty(t) {
		code, err := os.ReadFile(path)
		require.NoError(t, err)
		if sum := sha256.Sum256(code); seen[sum] {
			continue
		} else {
			seen[sum] = true
		}
		valid := compiles(ctx, wazero.NewRuntimeConfigInterpreter(), code)
		out, err := module.InstrumentForeign(code)
		var refusal *module.Refusal
		switch {
		case errors.As(err, &refusal):
			t.Logf("%s: %s: %v", filepath.Base(path), refusal.Rule, err)
			refused++
		case valid != nil:
			t.Logf("%s is not valid: %v", filepath.Base(path), valid)
			broken++
		default:
			require.NoError(t, compiles(ctx, wazero.NewRuntimeConfigCompiler(), out), path)
			require.NoError(t, compiles(ctx, wazero.NewRuntimeConfigInterpreter(), out), path)
			good++
		}
	}
	t.Logf("%d contracts compile in both engines, %d are refused, %d are not valid", good, refused, broken)
	require.GreaterOrEqual(t, good, 20)
	require.Zero(t, refused, "no rule stands against them")
}

func compiles(ctx context.Context, cfg wazero.RuntimeConfig, code []byte) error {
	rt := wazero.NewRuntimeWithConfig(ctx, cfg.WithCoreFeatures(api.CoreFeaturesV2))
	_, err := rt.CompileModule(ctx, code)
	return errors.Join(err, rt.Close(ctx))
}

func cw20(t testing.TB) []byte {
	for _, path := range thirdParty(t) {
		if filepath.Base(path) == "cw20_base.wasm" {
			code, err := os.ReadFile(path)
			require.NoError(t, err)
			return code
		}
	}
	t.Fatal("cw20_base.wasm is not among the contracts of others")
	return nil
}

const cw20Instantiate = `{"name":"Concord","symbol":"CON","decimals":6,"initial_balances":[{"address":"alice","amount":"1000"}]}`

func sentBy(name string) string { return `{"sender":"` + name + `","funds":[]}` }

func transferTo(name, amount string) string {
	return `{"transfer":{"recipient":"` + name + `","amount":"` + amount + `"}}`
}

// balance asks the contract.
func balance(t testing.TB, c *cosmos, of string) string {
	t.Helper()
	var answer struct{ OK []byte }
	require.NoError(t, json.Unmarshal([]byte(c.call("query", cosmosEnv, `{"balance":{"address":"`+of+`"}}`)), &answer))
	var b struct{ Balance string }
	require.NoError(t, json.Unmarshal(answer.OK, &b), base64.StdEncoding.EncodeToString(answer.OK))
	return b.Balance
}

// The most used token of another world does what it does there, for the same gas
// in both engines and each time.
func TestACw20TokenMovesMoney(t *testing.T) {
	code := cw20(t)
	var gas [2][]uint64
	for i, cfg := range []wazero.RuntimeConfig{wazero.NewRuntimeConfigCompiler(), wazero.NewRuntimeConfigInterpreter()} {
		c := newCosmos(t, cfg, code)
		note := func() { gas[i] = append(gas[i], c.gas) }
		require.Contains(t, c.call("instantiate", cosmosEnv, sentBy("creator"), cw20Instantiate), `"ok"`)
		note()
		require.Equal(t, "1000", balance(t, c, "alice"))
		note()
		require.Contains(t, c.call("execute", cosmosEnv, sentBy("alice"), transferTo("bob", "300")), `"value":"300"`)
		note()
		require.Equal(t, "700", balance(t, c, "alice"))
		require.Equal(t, "300", balance(t, c, "bob"))
		note()
		refused := c.call("execute", cosmosEnv, sentBy("bob"), transferTo("alice", "301"))
		require.Contains(t, refused, `"error"`)
		require.Contains(t, refused, "verflow")
		note()
		require.Equal(t, "300", balance(t, c, "bob"), "a refused transfer moves nothing")
		for range 20 {
			require.Contains(t, c.call("execute", cosmosEnv, sentBy("alice"), transferTo("bob", "1")), `"ok"`)
			note()
		}
		require.Equal(t, "680", balance(t, c, "alice"))
		require.Equal(t, "320", balance(t, c, "bob"))
		require.Contains(t, c.call("query", cosmosEnv, `{"all_accounts":{}}`), `"ok"`, "a scan")
		note()
	}
	require.Equal(t, gas[0], gas[1])
	t.Logf("gas: instantiate %d, query %d, transfer %d", gas[0][0], gas[0][1], gas[0][2])
}

func BenchmarkCw20Transfer(b *testing.B) {
	c := newCosmos(b, wazero.NewRuntimeConfigCompiler(), cw20(b))
	require.Contains(b, c.call("instantiate", cosmosEnv, sentBy("creator"), strings.Replace(cw20Instantiate, "1000", "1000000000000", 1)), `"ok"`)
	for b.Loop() {
		c.call("execute", cosmosEnv, sentBy("alice"), transferTo("bob", "1"))
	}
	b.ReportMetric(float64(c.gas), "gas/op")
}
