package module_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/concordat-ledger/concordat/wasm/module"
)

// The specification's own tests, which the engine's module carries, give the same
// results after the rewriting, and cost the same gas in machine code and in the
// interpreter.
func TestSpecificationAfterRewriting(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	require.NoError(t, err)
	var files []string
	for _, version := range []string{"v1", "v2"} {
		found, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "internal", "integration_test", "spectest", version, "testdata", "*.json"))
		require.NoError(t, err)
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Skip("the engine's sources do not carry the specification's tests")
	}
	var passed, refused int
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "simd") {
			continue
		}
		compiled := newSpec(t, file, wazero.NewRuntimeConfigCompiler())
		interpreted := newSpec(t, file, wazero.NewRuntimeConfigInterpreter())
		compiled.run()
		interpreted.run()
		require.Equal(t, compiled.gas, interpreted.gas, file)
		passed += compiled.passed
		refused += compiled.refused
	}
	require.Greater(t, passed, 20_000, "assertions were reached")
	t.Logf("%d assertions hold; %d modules are refused by the rules", passed, refused)
}

type spec struct {
	t       *testing.T
	dir     string
	file    string
	rt      wazero.Runtime
	current api.Module
	passed  int
	refused int
	gas     uint64
	tests   struct {
		Commands []specCommand `json:"commands"`
	}
}

type specCommand struct {
	Type     string `json:"type"`
	Line     int    `json:"line"`
	Filename string `json:"filename"`
	Text     string `json:"text"`
	Action   struct {
		Type   string      `json:"type"`
		Module string      `json:"module"`
		Field  string      `json:"field"`
		Args   []specValue `json:"args"`
	} `json:"action"`
	Expected []specValue `json:"expected"`
}

type specValue struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

func newSpec(t *testing.T, file string, cfg wazero.RuntimeConfig) *spec {
	s := &spec{t: t, dir: filepath.Dir(file), file: filepath.Base(file)}
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &s.tests))
	s.rt = wazero.NewRuntimeWithConfig(context.Background(), cfg.WithCoreFeatures(api.CoreFeaturesV2))
	return s
}

func (s *spec) run() {
	ctx := context.Background()
	defer func() { require.NoError(s.t, s.rt.Close(ctx)) }()
	for i := range s.tests.Commands {
		c := &s.tests.Commands[i]
		where := fmt.Sprintf("%s:%d", s.file, c.Line)
		switch c.Type {
		case "module":
			s.load(ctx, c, where)
		case "assert_return", "assert_trap", "assert_exhaustion", "action":
			if s.current != nil && c.Action.Type == "invoke" && c.Action.Module == "" {
				s.invoke(ctx, c, where)
			}
		}
	}
}

// load takes a module, unless the rules refuse it or it imports something.
func (s *spec) load(ctx context.Context, c *specCommand, where string) {
	s.current = nil
	code, err := os.ReadFile(filepath.Join(s.dir, c.Filename))
	require.NoError(s.t, err)
	out, err := module.InstrumentAny(code)
	if err != nil {
		s.refused++
		return
	}
	m, err := s.rt.InstantiateWithConfig(ctx, out, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	require.NoError(s.t, err, where)
	s.current = m
}

const specGas = 1 << 40

func (s *spec) global(name string) api.MutableGlobal {
	return s.current.ExportedGlobal(name).(api.MutableGlobal)
}

func (s *spec) invoke(ctx context.Context, c *specCommand, where string) {
	f := s.current.ExportedFunction(c.Action.Field)
	args := make([]uint64, len(c.Action.Args))
	for i, a := range c.Action.Args {
		v, ok := a.bits()
		if f == nil || !ok {
			return
		}
		args[i] = v
	}
	if f == nil {
		return
	}
	s.global(module.ExportBudget).Set(uint64(module.NewBudget(specGas, module.StackSlots)))
	s.global(module.ExportReserve).Set(0)
	out, err := f.Call(ctx, args...)
	left := module.Budget(s.global(module.ExportBudget).Get())
	stack := left.Slots()
	s.gas = s.gas*31 + specGas - uint64(left.Gas())
	switch {
	case c.Type == "assert_trap":
		require.ErrorContains(s.t, err, trapWord(c.Text), where)
	case c.Type == "assert_exhaustion":
		require.Error(s.t, err, where)
		require.Negative(s.t, stack, where)
	default:
		require.NoError(s.t, err, where)
		require.EqualValues(s.t, module.StackSlots, stack, "%s: every frame is given back", where)
		for i, want := range c.Expected {
			require.True(s.t, want.is(out[i]), "%s: result %d is %x, not %v", where, i, out[i], want)
		}
	}
	s.passed++
}

// trapWord is the engine's word for a trap of the specification.
func trapWord(text string) string {
	switch text {
	case "undefined element", "out of bounds table access", "uninitialized element":
		return "invalid table access"
	case "indirect call type mismatch":
		return "indirect call type mismatch"
	}
	return text
}

func (v specValue) bits() (uint64, bool) {
	text, ok := v.Value.(string)
	if !ok || strings.HasPrefix(v.Type, "extern") || strings.HasPrefix(v.Type, "func") || v.Type == "v128" {
		return 0, false
	}
	if strings.HasPrefix(text, "nan") {
		return math.Float64bits(math.NaN()), v.Type == "f64"
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

// is compares bits; any NaN that the specification allows must be the canonical.
func (v specValue) is(have uint64) bool {
	text, ok := v.Value.(string)
	if !ok {
		return true // references and vectors are not passed
	}
	if strings.HasPrefix(text, "nan") {
		if v.Type == "f32" {
			return uint32(have)&0x7fffffff == 0x7fc00000
		}
		return have&0x7fffffffffffffff == 0x7ff8000000000000
	}
	want, ok := v.bits()
	if v.Type == "i32" || v.Type == "f32" {
		return !ok || uint32(want) == uint32(have)
	}
	return !ok || want == have
}

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
