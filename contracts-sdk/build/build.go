// Package build turns a contract's source into the module that is deployed.
//
// In: a folder with a contract in Go (go.mod) or Rust (Cargo.toml). Out: a checked
// WebAssembly module that carries its schema, the same bytes on every machine with
// the same compiler. The schema is what the sources declare; of sources that
// declare nothing it is schema.json, there or one folder above. What a contract in
// Go declares also gives concordat_gen.go, which is written when it is not current.
package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/contracts-sdk/generate"
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
var ErrNoContract = errors.New("no contract: the folder has neither go.mod nor Cargo.toml; `concordat contract new` makes one that has")

// Built is a module ready to be deployed.
type Built struct {
	Code      []byte
	Language  string // "go" or "rust"
	Info      *module.Info
	Generated string // the file that was not current and was written, if one was
}

// Contract builds the contract in a folder. schemaFile may be empty; a file that is
// named counts more than what the sources declare.
func Contract(ctx context.Context, dir, schemaFile string) (*Built, error) {
	b := &Built{}
	var declared *declare.Contract
	var err error
	switch {
	case exists(filepath.Join(dir, "go.mod")):
		b.Language = "go"
		if declared, b.Generated, err = Generate(dir); err == nil {
			b.Code, err = goModule(ctx, dir)
		}
	case exists(filepath.Join(dir, "Cargo.toml")):
		b.Language = "rust"
		var crate string
		if b.Code, crate, err = rustModule(ctx, dir); err == nil {
			declared, b.Code, err = rustDeclared(b.Code, crate, schemaFile == "")
		}
	case !exists(dir):
		err = fmt.Errorf("there is no folder %s", dir)
	default:
		err = noContract(dir)
	}
	if err != nil {
		return nil, err
	}
	text, err := schemaText(dir, schemaFile, declared)
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

// noContract says why a folder cannot be built, and what to do.
func noContract(dir string) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("there is no folder %s; name the one with the sources of the contract", dir)
	}
	return fmt.Errorf("%s: %w; name the folder of its sources, or start one with `concordat contract new`", dir, ErrNoContract)
}

// Generate writes the file that a contract in Go declares, if it is not current,
// and names it then. The contract is nil when the sources declare nothing.
func Generate(dir string) (c *declare.Contract, written string, err error) {
	p, err := generate.Read(dir)
	if err == nil && p == nil && generate.Left(dir) {
		err = fmt.Errorf("%s is of declarations that are no longer in the sources; delete it, or write //concordat:method above each method", filepath.Join(dir, generate.FileName))
	}
	if err != nil || p == nil {
		return nil, "", err
	}
	if p.Current(dir) {
		return p.Contract, "", nil
	}
	return p.Contract, filepath.Join(dir, generate.FileName), p.Save(dir)
}

// rustDeclared takes what a crate declares out of its module, and reads it if it is
// needed: with a schema by hand, types may have byte forms by hand too.
func rustDeclared(code []byte, crate string, needed bool) (*declare.Contract, []byte, error) {
	section, rest, err := module.Custom(code, declare.RustSection)
	if err != nil || section == nil {
		return nil, code, err
	}
	if !needed {
		return nil, rest, nil
	}
	c, err := declare.FromRust(section, crate)
	if err == nil && len(c.Methods) == 0 {
		return nil, rest, nil
	}
	return c, rest, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// schemaText is the schema that goes into the module; nil when there is none.
func schemaText(dir, file string, declared *declare.Contract) ([]byte, error) {
	var found string
	for _, candidate := range []string{filepath.Join(dir, "schema.json"), filepath.Join(dir, "..", "schema.json")} {
		if file == "" && found == "" && exists(candidate) {
			found = candidate
		}
	}
	if file != "" || declared == nil {
		_, text, err := readSchema(file + found)
		return text, err
	}
	s, err := declared.Schema()
	if err != nil {
		return nil, err
	}
	if beside, _, err := readSchema(found); err != nil {
		return nil, err
	} else if beside != nil && !declare.SameMeaning(beside, s) {
		return nil, fmt.Errorf("%s says otherwise than the sources declare; remove it, for the schema is made from the sources", found)
	}
	return declare.Marshal(s)
}

// readSchema reads a schema by hand; no name is none.
func readSchema(file string) (*schema.Schema, []byte, error) {
	if file == "" {
		return nil, nil, nil
	}
	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, nil, fmt.Errorf("read the schema: %w", err)
	}
	s, err := schema.Parse(text)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", file, err)
	}
	return s, text, nil
}

// run runs a compiler and returns its output when it fails.
func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) // #nosec G204 -- a compiler that was looked up
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	together(cmd)
	err := cmd.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("the build was interrupted: %w", ctx.Err())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &CompileError{Output: strings.TrimSpace(out.String())}
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", name, err)
	}
	return nil
}

// endTimeout is how long output is waited for after a command was ended.
const endTimeout = 5 * time.Second

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
		return nil, olderSDK(err)
	}
	return readBuilt(out)
}

// olderSDK says so when the file that this program wrote needs more of the SDK than the
// contract's copy of it has.
func olderSDK(err error) error {
	var c *CompileError
	if errors.As(err, &c) && olderText.MatchString(c.Output) {
		return fmt.Errorf("the SDK that the contract is built with is older than this program; replace it with the one that `concordat contract new` puts into the folder sdk (%w)", err)
	}
	return err
}

var olderText = regexp.MustCompile(regexp.QuoteMeta(generate.FileName) + `:\d+:\d+: (undefined: concordat\.|.* undefined \(type .*no field or method Direct)`)

func readBuilt(path string) ([]byte, error) {
	code, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("read the built module: %w", err)
	}
	return code, nil
}
