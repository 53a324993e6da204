package module_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/concordat-ledger/concordat/wasm/module"
)

// Whatever module is at hand (the engine's own tests, examples, what fuzzing once
// found, CosmWasm's where it is): it is refused, or its rewriting validates if it did.
func TestTheRewritingOfAValidModuleIsValid(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	require.NoError(t, err)
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2))
	defer func() { require.NoError(t, rt.Close(ctx)) }()
	var rewritten, refused, invalid int
	require.NoError(t, filepath.WalkDir(strings.TrimSpace(string(dir)), func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".wasm" {
			return err
		}
		code, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		out, err := module.InstrumentAny(code)
		if err != nil {
			refused++
			return nil
		}
		original, err := rt.CompileModule(ctx, code)
		if err != nil {
			invalid++
			return nil
		}
		_ = original.Close(ctx)
		again, err := rt.CompileModule(ctx, out)
		require.NoError(t, err, path)
		_ = again.Close(ctx)
		rewritten++
		return nil
	}))
	require.Greater(t, rewritten, 500)
	t.Logf("%d modules rewritten, %d refused, %d not valid to begin with", rewritten, refused, invalid)
}
