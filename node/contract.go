package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

func contractCommand(f *flags) *cobra.Command {
	c := &cobra.Command{Use: "contract", Short: "Build, deploy and look at contracts"}
	c.AddCommand(contractBuild(f), contractCheck(f), contractDeploy(f), contractUpgrade(f), contractList(f), contractShow(f))
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
		Long: `Builds the contract in a folder with go.mod or Cargo.toml, puts its schema.json
into the module, and checks it as the ledger will. The same sources and compiler
give the same bytes on every machine.`,
		Example: "  concordat contract build ./token --out token.wasm",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			b, err := build.Contract(cmd.Context(), dir, schemaFile)
			if err != nil {
				return err
			}
			if out == "" {
				abs, err := filepath.Abs(dir)
				if err != nil {
					return fmt.Errorf("find the folder: %w", err)
				}
				out = filepath.Base(abs) + ".wasm"
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
	c.Flags().StringVar(&schemaFile, "schema", "", "the schema; schema.json in the folder or the one above when empty")
	return c
}

func contractCheck(f *flags) *cobra.Command {
	return &cobra.Command{Use: "check FILE", Short: "Judge a module as the ledger will", Args: cobra.ExactArgs(1),
		Example: "  concordat contract check token.wasm",
		RunE: func(cmd *cobra.Command, args []string) error {
			code, info, err := readModule(args[0])
			if err != nil {
				return err
			}
			v, err := viewModule(args[0], code, "", info)
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), v, v.table)
		}}
}

// builtIn are the modules that the program carries.
var builtIn = map[string][]byte{"example:token-go": examples.TokenGo, "example:token-rust": examples.TokenRust}

func readModule(file string) ([]byte, *module.Info, error) {
	code, ok := builtIn[file]
	if !ok {
		var err error
		// #nosec G304 -- the user names the file
		if code, err = os.ReadFile(file); err != nil {
			return nil, nil, fmt.Errorf("read the module: %w", err)
		}
	}
	info, err := module.Check(code)
	return code, info, err
}

// deployTimeout is the least time to wait for a deployment: every replica compiles
// the module, which takes half a second for 2 MB on a fast machine that is idle.
const deployTimeout = time.Minute

func contractDeploy(f *flags) *cobra.Command {
	var noInit bool
	var command string
	c := &cobra.Command{Use: "deploy NAME FILE [name=value…]", Short: "Deploy a module under a name", Args: cobra.MinimumNArgs(2),
		Long: `Deploys a module and calls its method init with the given arguments, in one
transaction. Only an administrator of an organisation may. The program carries two
modules: example:token-go and example:token-rust.`,
		Example: "  concordat contract deploy token token.wasm symbol=EUR --as admin@org0\n  concordat contract deploy token example:token-rust symbol=EUR --as admin@org0",
		RunE: func(cmd *cobra.Command, args []string) error {
			code, info, err := readModule(args[1])
			if err != nil {
				return err
			}
			d, err := deployment(args[0], code, info, args[2:], !noInit)
			if err != nil {
				return err
			}
			signer, err := f.signer()
			if err != nil {
				return err
			}
			f.timeout = max(f.timeout, deployTimeout)
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			env := signer.Sign(c.LedgerID(), client.Call{Contract: client.SystemContract, Method: "deploy", Args: d.Marshal(), Command: []byte(command)})
			s, err := c.Submit(cmd.Context(), env)
			if err != nil {
				return err
			}
			return finishInvoke(cmd, f, s, nil)
		}}
	c.Flags().BoolVar(&noInit, "no-init", false, "do not call init")
	c.Flags().StringVar(&command, "command-id", "", "makes a retry safe; random when empty")
	return c
}

// deployment encodes the arguments of init by the module's schema.
func deployment(name string, code []byte, info *module.Info, pairs []string, initialise bool) (*ledger.Deployment, error) {
	d := &ledger.Deployment{Name: name, Code: code}
	if !ledger.ValidContractName(name) {
		return nil, fmt.Errorf("%q is no contract name; a-z, 0-9 and - are allowed, the first a letter, at most 32", name)
	}
	if info.Schema == nil {
		if len(pairs) > 0 {
			return nil, errors.New("the module has no schema, so arguments by name cannot be encoded; build it with one")
		}
		d.Initialise = initialise
		return d, nil
	}
	s, err := schema.Parse(info.Schema)
	if err != nil {
		return nil, err
	}
	if _, err := s.Method("init"); err != nil && len(pairs) == 0 || !initialise {
		return d, nil
	}
	d.Initialise = true
	d.Init, err = s.ArgsFromPairs("init", pairs)
	return d, err
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
	if len(v.GetSchema()) == 0 {
		return v, nil, nil
	}
	s, err := schema.Parse(v.GetSchema())
	return v, s, err
}

func contractShow(f *flags) *cobra.Command {
	return &cobra.Command{Use: "show NAME", Short: "A contract and its methods", Args: cobra.ExactArgs(1), Example: "  concordat contract show token",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			v, s, err := contractOf(cmd.Context(), c, args[0])
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
		}}
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
