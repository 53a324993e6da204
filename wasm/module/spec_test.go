package module_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/concordat-ledger/concordat/wasm/module"
)

var (
	specUpdate = flag.Bool("spec.update", false, "write testdata/specification.txt anew")
	specDir    = flag.String("spec.dir", "", "the engine's sources; empty: as go list says")
)

// The specification's own tests, which the engine's module carries, give the same
// results after the rewriting, and cost the same gas in machine code and in the
// interpreter, and the gas that testdata/specification.txt says on every processor.
func TestSpecificationAfterRewriting(t *testing.T) {
	counts, lines := map[string]int{}, []string{}
	for _, file := range specFiles(t) {
		s := newScript(t, file)
		s.run()
		name := filepath.Base(filepath.Dir(filepath.Dir(file))) + "/" + s.file
		lines = append(lines, fmt.Sprintf("%s %d %016x", name, s.compiled.calls, s.compiled.gas))
		require.Equal(t, s.compiled.gas, s.interpreted.gas, name)
		for k, n := range s.counts {
			counts[k] += n
		}
	}
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d %s", counts[k], k)
	}
	text := strings.Join(lines, "\n") + "\n"
	if *specUpdate {
		require.NoError(t, os.WriteFile("testdata/specification.txt", []byte(text), 0o600))
	}
	have, err := os.ReadFile("testdata/specification.txt")
	require.NoError(t, err)
	require.Equal(t, string(have), text, "calls and gas of each file")
	for kind, least := range map[string]int{
		"assert_return holds": 34_000, "assert_trap holds": 900, "assert_exhaustion holds": 8,
		"assert_invalid refused": 2_300, "assert_malformed refused": 1_300,
	} {
		require.GreaterOrEqual(t, counts[kind], least, kind)
	}
}

func specFiles(t *testing.T) (files []string) {
	t.Helper()
	dir := *specDir
	if dir == "" {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
		require.NoError(t, err)
		dir = strings.TrimSpace(string(out))
	}
	for _, version := range []string{"v1", "v2"} {
		found, err := filepath.Glob(filepath.Join(dir, "internal", "integration_test", "spectest", version, "testdata", "*.json"))
		require.NoError(t, err)
		files = append(files, found...)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasPrefix(filepath.Base(f), "simd") })
	require.NotEmpty(t, files, "the engine's sources do not carry the specification's tests")
	return files
}

// script is one file, played on three sides at once: as written, which says what
// is right, and rewritten, in machine code and in the interpreter.
type script struct {
	t           *testing.T
	dir, file   string
	raw         *side
	compiled    *side
	interpreted *side
	counts      map[string]int
	tests       struct {
		Commands []specCommand `json:"commands"`
	}
}

func newScript(t *testing.T, file string) *script {
	s := &script{t: t, dir: filepath.Dir(file), file: filepath.Base(file), counts: map[string]int{}}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &s.tests))
	spectest, err := os.ReadFile(filepath.Join(s.dir, "..", "..", "testdata", "spectest.wasm"))
	require.NoError(t, err)
	s.raw = newSide(t, wazero.NewRuntimeConfigInterpreter(), spectest)
	s.compiled = newSide(t, wazero.NewRuntimeConfigCompiler(), spectest)
	s.interpreted = newSide(t, wazero.NewRuntimeConfigInterpreter(), spectest)
	return s
}

func (s *script) sides() []*side { return []*side{s.raw, s.compiled, s.interpreted} }

func (s *script) run() {
	for i := range s.tests.Commands {
		c := &s.tests.Commands[i]
		where := fmt.Sprintf("%s:%d", s.file, c.Line)
		switch c.Type {
		case "module":
			as := ""
			if i+1 < len(s.tests.Commands) && s.tests.Commands[i+1].Type == "register" {
				as = s.tests.Commands[i+1].As
			}
			s.load(c, as, where)
		case "assert_return", "assert_trap", "assert_exhaustion", "action":
			s.act(c, where)
		case "assert_invalid", "assert_malformed":
			s.refused(c, where)
		case "assert_uninstantiable", "assert_unlinkable":
			s.uninstantiable(c, where)
		}
	}
	for _, side := range s.sides() {
		require.NoError(s.t, side.rt.Close(context.Background()))
	}
}

// load takes a module on all sides, or on none when a rule refuses it.
func (s *script) load(c *specCommand, as, where string) {
	for _, side := range s.sides() {
		side.forget(c.Name)
	}
	code, err := os.ReadFile(filepath.Join(s.dir, c.Filename))
	require.NoError(s.t, err)
	out, err := module.InstrumentForeign(code)
	var refusal *module.Refusal
	if errors.As(err, &refusal) {
		s.counts["module refused: "+string(refusal.Rule)]++
		return
	}
	require.NoError(s.t, err, where)
	if err := s.raw.instantiate(code, as, c.Name); err != nil {
		s.counts["module not linked"]++ // what it imports was refused
		require.ErrorContains(s.t, err, "not instantiated", where)
		return
	}
	require.NoError(s.t, s.compiled.instantiate(out, as, c.Name), where)
	require.NoError(s.t, s.interpreted.instantiate(out, as, c.Name), where)
	s.counts["module rewritten"]++
}

// act calls a function, or reads a global, on all sides.
func (s *script) act(c *specCommand, where string) {
	raw := s.raw.module(c.Action.Module)
	if raw == nil {
		s.counts[c.Type+" of a refused module"]++
		return
	}
	if c.Action.Type == "get" {
		want := raw.ExportedGlobal(c.Action.Field).Get()
		for _, side := range s.sides()[1:] {
			require.Equal(s.t, want, side.module(c.Action.Module).ExportedGlobal(c.Action.Field).Get(), where)
		}
		s.counts[c.Type+" holds"]++
		return
	}
	var args []uint64
	for _, a := range c.Action.Args {
		v, ok := a.bits()
		if !ok {
			s.counts[c.Type+" not passed: "+a.Type]++
			return
		}
		args = append(args, v)
	}
	f := raw.ExportedFunction(c.Action.Field)
	want, wantErr := f.Call(context.Background(), args...)
	met := c.met(want, wantErr, false)
	for _, side := range s.sides()[1:] {
		have, err := side.call(c.Action.Module, c.Action.Field, args)
		s.compare(c, where, f.Definition().ResultTypes(), want, have, wantErr, err)
		require.Equal(s.t, met, c.met(have, err, true), "%s: %x %v", where, have, err)
		require.Equal(s.t, c.Type == "assert_exhaustion", side.slots < 0, where)
		require.True(s.t, err != nil || side.slots == module.StackSlots, "%s: every frame is given back", where)
	}
	if met {
		s.counts[c.Type+" holds"]++
	} else { // a module that was refused would have changed a table or memory
		s.counts[c.Type+" hangs on a refused module"]++
	}
}

// compare holds the outcome of a rewritten module against that of the module as
// written: the same trap, or the same bits but for NaNs.
func (s *script) compare(c *specCommand, where string, kinds []api.ValueType, want, have []uint64, wantErr, err error) {
	if c.Type == "assert_exhaustion" { // the words are the engine's or ours
		require.True(s.t, wantErr != nil && err != nil, where)
		return
	}
	require.Equal(s.t, firstLine(wantErr), firstLine(err), where)
	require.Len(s.t, have, len(want), where)
	for i := range have {
		a, b := want[i], have[i]
		if kinds[i] == api.ValueTypeI32 || kinds[i] == api.ValueTypeF32 { // the other half of the word means nothing
			a, b = uint64(uint32(a)), uint64(uint32(b))
		}
		nan := i < len(c.Expected) && c.Expected[i].isNaN()
		require.True(s.t, nan || a == b, "%s: result %d is %x, and %x as written", where, i, b, a)
	}
}

// refused is about a module that must not be taken: the checker refuses it, or the
// engine that validates the original does.
func (s *script) refused(c *specCommand, where string) {
	if c.Form != "binary" {
		s.counts[c.Type+" in text form"]++
		return
	}
	code, err := os.ReadFile(filepath.Join(s.dir, c.Filename))
	require.NoError(s.t, err)
	_, refusal := module.InstrumentForeign(code)
	compiled, invalid := s.raw.rt.CompileModule(context.Background(), code)
	if invalid == nil {
		require.NoError(s.t, compiled.Close(context.Background()))
	}
	if refusal == nil && invalid == nil {
		require.Equal(s.t, "v1", filepath.Base(filepath.Dir(s.dir)), "%s is taken: %s", where, c.Text)
		s.counts[c.Type+" valid in the second version"]++
		return
	}
	s.counts[c.Type+" refused"]++
	if refusal != nil {
		s.counts[c.Type+" refused by the checker already"]++
	}
}

// uninstantiable is about a module that must not start.
func (s *script) uninstantiable(c *specCommand, where string) {
	code, err := os.ReadFile(filepath.Join(s.dir, c.Filename))
	require.NoError(s.t, err)
	out, refusal := module.InstrumentForeign(code)
	if refusal != nil {
		s.counts[c.Type+" refused by the checker already"]++
		return
	}
	require.Error(s.t, s.compiled.instantiate(out, "", ""), where)
	require.Error(s.t, s.interpreted.instantiate(out, "", ""), where)
	s.counts[c.Type+" refused"]++
}

func firstLine(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
