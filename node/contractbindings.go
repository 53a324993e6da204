package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/contracts-sdk/bindings"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

func contractBindings(f *flags) *cobra.Command {
	var language, out, pkg string
	c := &cobra.Command{Use: "bindings FILE|NAME", Short: "Write a typed client of a contract", Args: cobra.ExactArgs(1),
		Long: `Writes a client from the schema of a module or of a deployed contract. In Go it
signs, submits, verifies and asks. In TypeScript it has the types, queries over any
NATS client, and transactions as arguments of this program, which signs them.`,
		Example: "  concordat contract bindings token.wasm --lang go --out token/client.go\n  concordat contract bindings token --lang ts --out token.ts",
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := f.schemaOf(cmd, args[0])
			if err != nil {
				return err
			}
			if pkg == "" {
				pkg = strings.ReplaceAll(strings.ReplaceAll(s.Contract, "-", ""), "_", "")
			}
			var text []byte
			switch language {
			case "go":
				text, err = bindings.Go(s, pkg)
			case "ts":
				text, err = bindings.TypeScript(s)
			default:
				err = &exitError{exitUsage, fmt.Errorf("there is no language %q; there are go and ts", language)}
			}
			switch {
			case err != nil:
				return err
			case out == "":
				_, err = cmd.OutOrStdout().Write(text)
			default:
				// #nosec G306 -- a source, as public as others
				err = os.WriteFile(out, text, 0o644)
			}
			if err != nil {
				return fmt.Errorf("write the client: %w", err)
			}
			return nil
		}}
	c.Flags().StringVar(&language, "lang", "go", "language: go or ts")
	c.Flags().StringVar(&out, "out", "", "file to write; standard output when empty")
	c.Flags().StringVar(&pkg, "package", "", "name of the package in Go; the contract's when empty")
	return c
}

// schemaOf is the schema of a module in a file, or of a deployed contract.
func (f *flags) schemaOf(cmd *cobra.Command, what string) (*schema.Schema, error) {
	without := errors.New("the contract has no schema to make a client from; build it with one")
	if !isDeployed(what) {
		_, info, err := readModule(what)
		if err != nil {
			return nil, err
		}
		if info.Schema == nil {
			return nil, without
		}
		return schema.Parse(info.Schema)
	}
	c, err := f.connect(cmd)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	_, s, err := contractOf(cmd.Context(), c, what)
	if err == nil && s == nil {
		err = without
	}
	return s, err
}
