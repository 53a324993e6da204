package build

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/concordat-ledger/concordat/wasm/schema"
)

// Variables that the test kits of the SDKs read.
const (
	envEngine = "CONCORDAT_ENGINE" // the program that has the command `contract engine`
	envModule = "CONCORDAT_WASM"   // the module that runs instead of the sources
	EnvGas    = "CONCORDAT_GAS"    // the file to which the engine adds a line for each call
)

// ErrTests means that the contract's own tests failed; they said why.
var ErrTests = errors.New("the contract's tests failed")

// ErrNoCalls means that no test called the contract.
var ErrNoCalls = errors.New("no test called the contract; call its methods through ledgertest")

// MethodGas is what the tests' calls of one method cost in the engine.
type MethodGas struct {
	Method  string `json:"method"`
	Calls   int    `json:"calls"`
	Refused int    `json:"refused"` // calls that failed or trapped
	Least   uint64 `json:"gas_least"`
	Most    uint64 `json:"gas_most"`
}

// Test runs the contract's own tests, and then the same ones on the module. program
// is this program; what the tests say goes to out. Methods that no test called have
// no calls in what is returned.
func Test(ctx context.Context, dir string, b *Built, program string, out io.Writer) ([]MethodGas, error) {
	temp, err := os.MkdirTemp("", "concordat-test-*")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the module: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }() // a leftover in the temporary folder harms nobody
	module, gas := filepath.Join(temp, "contract.wasm"), filepath.Join(temp, "gas")
	if err := os.WriteFile(module, b.Code, 0o600); err != nil {
		return nil, fmt.Errorf("write the module: %w", err)
	}
	for _, env := range [][]string{nil, {envEngine + "=" + program, envModule + "=" + module, EnvGas + "=" + gas}} {
		where := "natively"
		if env != nil {
			where = "on the module"
		}
		_, _ = fmt.Fprintf(out, "tests, %s:\n", where) // what cannot be shown is no failure of a test
		if err := runTests(ctx, dir, b.Language, env, out); err != nil {
			return nil, fmt.Errorf("%w, %s", err, where)
		}
	}
	return readGas(gas, b.Info.Schema)
}

func runTests(ctx context.Context, dir, language string, env []string, out io.Writer) error {
	name, args := "go", []string{"test", "-count=1", "./..."}
	if language == "go" { // as the build has it: a workspace around the contract is not its own
		env = append(env, "GOWORK=off")
	}
	if language == "rust" {
		rustc, cargo, err := RustCompiler(ctx)
		if err != nil {
			return err
		}
		name, args, env = cargo, []string{"test", "--quiet"}, append(env, "RUSTC="+rustc, "RUSTDOC="+filepath.Join(filepath.Dir(rustc), "rustdoc"))
	}
	cmd := exec.CommandContext(ctx, name, args...) // #nosec G204 -- a compiler that was looked up
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.Env = append(os.Environ(), env...)
	together(cmd)
	err := cmd.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("the tests were interrupted: %w", ctx.Err())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return ErrTests
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", name, err)
	}
	return nil
}

// readGas sums up what the engine noted, with all methods of the schema.
func readGas(file string, text []byte) ([]MethodGas, error) {
	noted, err := os.ReadFile(file) // #nosec G304 -- a file of our own
	if errors.Is(err, os.ErrNotExist) || err == nil && len(noted) == 0 {
		return nil, ErrNoCalls
	}
	if err != nil {
		return nil, fmt.Errorf("read what the calls cost: %w", err)
	}
	var out []MethodGas
	if text != nil {
		s, err := schema.Parse(text)
		if err != nil {
			return nil, err
		}
		for _, m := range s.Methods {
			out = append(out, MethodGas{Method: m.Name})
		}
	}
	lines := bufio.NewScanner(bytes.NewReader(noted))
	for lines.Scan() {
		var method, status string
		var gas uint64
		if _, err := fmt.Sscanf(lines.Text(), "%q %q %d", &method, &status, &gas); err != nil {
			return nil, fmt.Errorf("read what the calls cost: %w", err)
		}
		i := slices.IndexFunc(out, func(m MethodGas) bool { return m.Method == method })
		if i < 0 {
			i, out = len(out), append(out, MethodGas{Method: method})
		}
		m := &out[i]
		if m.Calls++; status != "ok" {
			m.Refused++
		}
		m.Most = max(m.Most, gas)
		if m.Calls == 1 || gas < m.Least {
			m.Least = gas
		}
	}
	slices.SortStableFunc(out, func(a, b MethodGas) int { return cmp.Compare(min(b.Calls, 1), min(a.Calls, 1)) })
	return out, lines.Err()
}
