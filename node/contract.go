package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

func contractCommand(f *flags) *cobra.Command {
	c := &cobra.Command{Use: "contract", Short: "Start, build, deploy and look at contracts"}
	c.AddCommand(contractNew(f), contractGenerate(), contractBuild(f), contractCheck(f), contractInspect(f), contractBindings(f), contractTest(f), contractEngine(), contractDeploy(f), contractUpgrade(f), contractList(f), contractShow(f))
	return c
}

// moduleView is what build and check print.
type moduleView struct {
	File      string `json:"file"`
	Hash      string `json:"hash"`
	Bytes     int    `json:"bytes"`
	Language  string `json:"language,omitempty"`
	Functions int    `json:"functions"`
	Pages     uint32 `json:"memory_pages"`
	Methods   int    `json:"methods"`
	Schema    bool   `json:"schema"`
}

func viewModule(file string, code []byte, language string, info *module.Info) (moduleView, error) {
	v := moduleView{File: file, Hash: client.CodeHash(code).String(), Bytes: len(code), Language: language,
		Functions: info.Functions, Pages: info.MemoryPagesMin, Schema: info.Schema != nil}
	if info.Schema == nil {
		return v, nil
	}
	s, err := schema.Parse(info.Schema)
	if err != nil {
		return v, err
	}
	v.Methods = len(s.Methods)
	return v, nil
}

func (v moduleView) table(w io.Writer) error {
	schema := "none"
	if v.Schema {
		schema = fmt.Sprintf("%d methods", v.Methods)
	}
	return table(w, [][]string{{"module", v.File}, {"sha-256", v.Hash}, {"size", fmt.Sprintf("%d bytes, %d functions, %d pages of memory", v.Bytes, v.Functions, v.Pages)}, {"schema", schema}})
}

func contractBuild(f *flags) *cobra.Command {
	var out, schemaFile string
	c := &cobra.Command{Use: "build [FOLDER]", Short: "Build a contract written in Go or Rust into one module", Args: cobra.MaximumNArgs(1),
		Long: `Builds the contract in a folder with go.mod or Cargo.toml, puts the schema that it
declares into the module, and checks it as the ledger will. In Go the code that the
declarations stand for is written to concordat_gen.go first, if it is not current.
The same sources and compiler give the same bytes on every machine.`,
		Example: "  concordat contract build\n  concordat contract build ./token --out token.wasm",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			b, err := build.Contract(cmd.Context(), dir, schemaFile)
			if err != nil {
				return err
			}
			tellGenerated(cmd, b)
			if out == "" {
				name, err := folderName(dir)
				if err != nil {
					return err
				}
				out = name + ".wasm"
			}
			if err := os.WriteFile(out, b.Code, 0o600); err != nil {
				return fmt.Errorf("write the module: %w", err)
			}
			v, err := viewModule(out, b.Code, b.Language, b.Info)
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), v, v.table)
		}}
	c.Flags().StringVar(&out, "out", "", "file to write; the folder's name with .wasm when empty")
	c.Flags().StringVar(&schemaFile, "schema", "", "a schema to use instead of what the sources declare; of sources that declare nothing, schema.json in the folder or the one above")
	return c
}

// tellGenerated says that a file beside the sources was written.
func tellGenerated(cmd *cobra.Command, b *build.Built) {
	if b.Generated != "" {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s anew; commit it with the sources\n", b.Generated)
	}
}

// builtIn are the modules that the program carries.
var builtIn = map[string][]byte{"example:token-go": examples.TokenGo, "example:token-rust": examples.TokenRust}

func readModule(file string) ([]byte, *module.Info, error) {
	code, ok := builtIn[file]
	if !ok {
		var err error
		if code, err = readAtMost(file, module.ModuleBytesMax); err != nil {
			return nil, nil, err
		}
	}
	info, err := module.Check(code)
	return code, info, err
}

// readAtMost reads a module's file, or as much as shows that it is too large.
func readAtMost(file string, most int64) ([]byte, error) {
	in, err := os.Open(file) // #nosec G304 -- the user names the file
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %q; `concordat contract build` makes a module", file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the module: %w", err)
	}
	code, err := io.ReadAll(io.LimitReader(in, most+1))
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, fmt.Errorf("read the module: %w", err)
	}
	if int64(len(code)) > most {
		return nil, fmt.Errorf("%s is no module for the ledger: it has more than %d bytes", file, most)
	}
	return code, nil
}

func contractList(f *flags) *cobra.Command {
	return &cobra.Command{Use: "list", Short: "The deployed contracts", Args: cobra.NoArgs, Example: "  concordat contract list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			reply, err := c.Lookup(cmd.Context(), &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_Contracts{Contracts: "all"}})
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), reply.GetContracts(), func(w io.Writer) error {
				rows := [][]string{{"NAME", "CODE", "BYTES", "DEPLOYER", "HEIGHT"}}
				for _, v := range reply.GetContracts() {
					rows = append(rows, []string{v.GetName(), shortHash(v.GetHash()), strconv.FormatUint(v.GetBytes(), 10), v.GetDeployer(), strconv.FormatUint(v.GetHeight(), 10)})
				}
				return table(w, rows)
			})
		}}
}

// contractOf looks a contract up; its schema is nil when it has none.
func contractOf(ctx context.Context, c *client.Client, name string) (*ledgerpb.ContractView, *schema.Schema, error) {
	reply, err := c.Lookup(ctx, &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_Contract{Contract: name}})
	if err != nil {
		return nil, nil, err
	}
	if len(reply.GetContracts()) != 1 {
		return nil, nil, fmt.Errorf("the client node does not say what contract %q is", name)
	}
	v := reply.GetContracts()[0]
	s, err := schemaIn(v)
	return v, s, err
}

// schemaIn is the schema of a contract; nil when it has none. The replicas may know a later
// version than this program.
func schemaIn(v *ledgerpb.ContractView) (*schema.Schema, error) {
	if len(v.GetSchema()) == 0 {
		return nil, nil
	}
	s, err := schema.Parse(v.GetSchema())
	if err != nil {
		err = fmt.Errorf("contract %s cannot be described, only called with --args-hex: %w", v.GetName(), err)
	}
	return s, err
}

func contractShow(f *flags) *cobra.Command {
	return &cobra.Command{Use: "show NAME", Short: "A contract and its methods", Args: cobra.ExactArgs(1), Example: "  concordat contract show token",
		RunE: func(cmd *cobra.Command, args []string) error {
			return showContract(cmd, f, args[0])
		}}
}

func showContract(cmd *cobra.Command, f *flags, name string) error {
	c, err := f.connect(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	v, s, err := contractOf(cmd.Context(), c, name)
	if err != nil {
		return err
	}
	out := struct {
		Name     string          `json:"name"`
		Hash     string          `json:"hash"`
		Bytes    uint64          `json:"bytes"`
		Deployer string          `json:"deployer"`
		Height   uint64          `json:"height"`
		Upgrades uint32          `json:"upgrades,omitempty"`
		Upgraded uint64          `json:"upgraded,omitempty"`
		Before   string          `json:"before,omitempty"`
		Schema   json.RawMessage `json:"schema,omitempty"`
	}{v.GetName(), v.GetHash(), v.GetBytes(), v.GetDeployer(), v.GetHeight(), v.GetUpgrades(), v.GetUpgraded(), v.GetBefore(), v.GetSchema()}
	return f.render(cmd.OutOrStdout(), out, func(w io.Writer) error {
		rows := [][]string{{"name", v.GetName()}, {"code", v.GetHash()}, {"deployer", fmt.Sprintf("%s at block %d", v.GetDeployer(), v.GetHeight())}}
		if n := v.GetUpgrades(); n > 0 {
			rows = append(rows, []string{"upgraded", fmt.Sprintf("%d times, the last at block %d, from %s", n, v.GetUpgraded(), shortHash(v.GetBefore()))})
		}
		return table(w, append(rows, methodRows(s)...))
	})
}

func methodRows(s *schema.Schema) [][]string {
	if s == nil {
		return nil
	}
	var rows [][]string
	for _, m := range s.Methods {
		kind := "method"
		if m.Query {
			kind = "query"
		}
		rows = append(rows, []string{kind, m.Usage()})
	}
	for _, e := range s.Errors {
		rows = append(rows, []string{"error", fmt.Sprintf("%d %s: %s", e.Code, e.Name, e.Doc)})
	}
	return rows
}
