// Package build turns a contract's source into the module that is deployed.
//
// In: a folder with a contract in Go (go.mod) or Rust (Cargo.toml), and its
// schema.json there or one folder above. Out: a checked WebAssembly module that
// carries the schema, the same bytes on every machine with the same compiler.
package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// ToolchainError says that a compiler is missing and how to get it.
type ToolchainError struct{ What, Next string }

// Error is one sentence with the next step.
func (e *ToolchainError) Error() string { return e.What + "; " + e.Next }

// CompileError is what the compiler said about the contract.
type CompileError struct{ Output string }

// Error is the compiler's own output.
func (e *CompileError) Error() string { return "the contract does not compile:\n" + e.Output }

// ErrNoContract means that the folder holds no contract.
var ErrNoContract = errors.New("no contract: the folder has neither go.mod nor Cargo.toml")

// Built is a module ready to be deployed.
type Built struct {
	Code     []byte
	Language string // "go" or "rust"
	Info     *module.Info
}

// Contract builds the contract in a folder. schemaFile may be empty: then it is
// schema.json in the folder or the one above, if it is there.
func Contract(ctx context.Context, dir, schemaFile string) (*Built, error) {
	b := &Built{}
	var err error
	switch {
	case exists(filepath.Join(dir, "go.mod")):
		b.Language = "go"
		b.Code, err = goModule(ctx, dir)
	case exists(filepath.Join(dir, "Cargo.toml")):
		b.Language = "rust"
		b.Code, err = rustModule(ctx, dir)
	default:
		err = fmt.Errorf("%s: %w", dir, ErrNoContract)
	}
	if err != nil {
		return nil, err
	}
	text, err := readSchema(dir, schemaFile)
	if err != nil {
		return nil, err
	}
	if text != nil {
		if b.Code, err = module.Embed(b.Code, text); err != nil {
			return nil, err
		}
	}
	b.Info, err = module.Check(b.Code)
	return b, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func readSchema(dir, file string) ([]byte, error) {
	if file == "" {
		for _, candidate := range []string{filepath.Join(dir, "schema.json"), filepath.Join(dir, "..", "schema.json")} {
			if exists(candidate) {
				file = candidate
				break
			}
		}
	}
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	if _, err := schema.Parse(text); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return text, nil
}

// run runs a compiler and returns its output when it fails.
func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) // #nosec G204 -- a compiler that was looked up
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &CompileError{Output: strings.TrimSpace(out.String())}
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", name, err)
	}
	return nil
}

func goModule(ctx context.Context, dir string) ([]byte, error) {
	compiler, err := exec.LookPath("go")
	if err != nil {
		return nil, &ToolchainError{"there is no go command", "install Go 1.24 or newer from https://go.dev/dl"}
	}
	temp, err := os.MkdirTemp("", "concordat-build-*")
	if err != nil {
		return nil, fmt.Errorf("make a folder to build in: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }() // a leftover in the temporary folder harms nobody
	out := filepath.Join(temp, "contract.wasm")
	// An empty GOFLAGS would leave the one of `go env -w` in force.
	err = run(ctx, dir, []string{"GOOS=wasip1", "GOARCH=wasm", "GOWORK=off", "GOFLAGS=-buildvcs=false", "GOFIPS140=off", "CGO_ENABLED=0", "GOWASM=", "GOEXPERIMENT="},
		compiler, "build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out, ".")
	if err != nil {
		return nil, err
	}
	return readBuilt(out)
}

func readBuilt(path string) ([]byte, error) {
	code, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("read the built module: %w", err)
	}
	return code, nil
}
