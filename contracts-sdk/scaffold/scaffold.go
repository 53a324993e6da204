package scaffold

import (
	"archive/zip"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/concordat-ledger/concordat/contracts-sdk/generate"
	"github.com/concordat-ledger/concordat/ledger"
)

//go:embed all:templates
var templates embed.FS

//go:embed sdk.zip
var sdk []byte

// Languages are those that a contract can be started in.
var Languages = []string{"go", "rust"}

// Errors.
var (
	ErrName     = errors.New("no contract name; a-z, 0-9 and - are allowed, the first a letter, at most 32")
	ErrBuiltIn  = errors.New("the name of the built-in contract; choose another")
	ErrTaken    = errors.New("that is a word of Rust, or a crate that contracts use; choose another name")
	ErrLanguage = errors.New("there are go and rust")
	ErrExists   = errors.New("there is something of that name; choose another, or remove it")
)

// builtIn is the contract that every ledger has.
const builtIn = "concordat"

// rustTaken cannot be names of crates: words of the language, and crates that are there.
var rustTaken = strings.Fields("abstract alloc as async await become box break const continue core crate do dyn else enum extern false final fn for gen if impl in " +
	"let loop macro match mod move mut override priv proc_macro pub ref return self static std struct super test trait true try type typeof unsafe unsized use virtual where while yield")

// names are what the templates speak of.
type names struct {
	Name  string // of the contract
	Ident string // of the crate
	File  string // of the sources, without ending
	SDK   string // import path
}

// New makes the folder dir with a contract, and tells the files that its author
// will look at.
func New(dir, name, language string) ([]string, error) {
	if !ledger.ValidContractName(name) {
		return nil, fmt.Errorf("%q: %w", name, ErrName)
	}
	if name == builtIn {
		return nil, fmt.Errorf("%q: %w", name, ErrBuiltIn)
	}
	if language != "go" && language != "rust" {
		return nil, fmt.Errorf("%q: %w", language, ErrLanguage)
	}
	if language == "rust" && slices.Contains(rustTaken, strings.ReplaceAll(name, "-", "_")) {
		return nil, fmt.Errorf("%q: %w", name, ErrTaken)
	}
	if _, err := os.Lstat(dir); err == nil {
		return nil, fmt.Errorf("%s: %w", dir, ErrExists)
	}
	with := names{Name: name, Ident: strings.ReplaceAll(name, "-", "_"), SDK: generate.SDK}
	with.File = with.Ident
	if language == "go" { // to which pay_test.go is a test, and pay_linux.go for Linux only
		with.File = strings.ReplaceAll(name, "-", "")
	}
	var files []string
	for _, from := range []string{"templates/both", "templates/" + language} {
		written, err := fill(dir, from, with)
		if err != nil {
			return nil, err
		}
		files = append(files, written...)
	}
	if err := unpack(filepath.Join(dir, "sdk"), language+"/"); err != nil {
		return nil, err
	}
	if language == "rust" {
		return files, nil
	}
	p, err := generate.Read(dir)
	if err != nil {
		return nil, err
	}
	return append(files, generate.FileName), p.Save(dir)
}

// fill writes the templates of a folder, without their ending. A name is a template
// too.
func fill(dir, from string, with names) ([]string, error) {
	var files []string
	err := fs.WalkDir(templates, from, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := templates.ReadFile(at)
		if err != nil {
			return err
		}
		// Some of the files have braces of their own.
		t, err := template.New(at).Delims("[[", "]]").Parse(string(text))
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := t.Execute(&out, with); err != nil {
			return err
		}
		file := strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(at, from+"/"), ".tmpl"), "NAME", with.File)
		files = append(files, file)
		return write(filepath.Join(dir, filepath.FromSlash(file)), out.Bytes())
	})
	if err != nil {
		return nil, fmt.Errorf("write the contract: %w", err)
	}
	return files, nil
}

// unpack writes the files of sdk.zip whose names begin with prefix.
func unpack(dir, prefix string) error {
	z, err := zip.NewReader(bytes.NewReader(sdk), int64(len(sdk)))
	if err != nil {
		return fmt.Errorf("read the copy of the SDK: %w", err)
	}
	for _, f := range z.File {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok || name != path.Clean(name) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return fmt.Errorf("read the copy of the SDK: %w", err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			return fmt.Errorf("read the copy of the SDK: %w", err)
		}
		if err := write(filepath.Join(dir, filepath.FromSlash(name)), text); err != nil {
			return fmt.Errorf("write the copy of the SDK: %w", err)
		}
	}
	return nil
}

func write(file string, text []byte) error {
	// #nosec G301 -- sources, as public as others
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if strings.HasSuffix(file, ".sh") {
		mode = 0o755
	}
	return os.WriteFile(file, text, mode)
}
