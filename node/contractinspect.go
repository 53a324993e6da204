package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/contracts-sdk/inspect"
	"github.com/concordat-ledger/concordat/ledger"
)

func contractCheck(f *flags) *cobra.Command {
	return &cobra.Command{Use: "check FILE", Short: "Judge a module as the ledger will", Args: cobra.ExactArgs(1),
		Long: `Checks, compiles and initialises a module as every replica does when it is deployed,
and says why it would be refused, or how near it is to the limits.`,
		Example: "  concordat contract check token.wasm",
		RunE: func(cmd *cobra.Command, args []string) error {
			code, info, err := readModule(args[0])
			if err != nil {
				return err
			}
			if err := deployable(code); err != nil {
				return err
			}
			v, err := viewModule(args[0], code, "", info)
			if err != nil {
				return err
			}
			r, err := inspect.Module(cmd.Context(), code)
			if err != nil {
				return err
			}
			out := struct {
				moduleView
				Limits []inspect.Limit `json:"limits"`
			}{v, r.Limits}
			return f.render(cmd.OutOrStdout(), out, func(w io.Writer) error {
				if err := v.table(w); err != nil {
					return err
				}
				_, err := fmt.Fprintf(w, "\nThe ledger takes it. Of the limits it uses:\n")
				return errors.Join(err, limitsTable(w, r.Limits))
			})
		}}
}

func limitsTable(w io.Writer, limits []inspect.Limit) error {
	var rows [][]string
	for _, l := range limits {
		rows = append(rows, []string{"  " + l.What, strconv.FormatUint(l.Used, 10), fmt.Sprintf("of %d, %d%%", l.Most, l.Share())})
	}
	return table(w, rows)
}

func contractInspect(f *flags) *cobra.Command {
	return &cobra.Command{Use: "inspect FILE|NAME", Short: "What is in a module, or what a deployed contract says about itself", Args: cobra.ExactArgs(1),
		Long: `Tells the parts of a module, what it imports and exports, what it uses of the limits,
and its methods. Of a deployed contract the ledger gives the schema, not the code.
What a method costs depends on its arguments and the state: contract test tells it of
the calls that the contract's own tests make, and invoke of each transaction.`,
		Example: "  concordat contract inspect token.wasm\n  concordat contract inspect token",
		RunE: func(cmd *cobra.Command, args []string) error {
			if isDeployed(args[0]) {
				return showContract(cmd, f, args[0])
			}
			code, _, err := readModule(args[0])
			if err != nil {
				return err
			}
			r, err := inspect.Module(cmd.Context(), code)
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), r, func(w io.Writer) error { return inspectTable(w, r) })
		}}
}

func inspectTable(w io.Writer, r *inspect.Report) error {
	rows := [][]string{{"sha-256", r.Hash}, {"size", fmt.Sprintf("%d bytes", r.Bytes)}}
	for _, s := range r.Sections {
		rows = append(rows, []string{"section", fmt.Sprintf("%s, %d bytes", s.Name, s.Bytes)})
	}
	rows = append(rows, []string{"imports", strings.Join(r.Imports, ", ")}, []string{"exports", strings.Join(r.Exports, ", ")},
		[]string{"gas", fmt.Sprintf("%d to get ready, once; calls start from there", r.GasReady)})
	if r.Schema == nil {
		rows = append(rows, []string{"schema", "none: arguments can only be given as bytes"})
	} else {
		rows = append(rows, []string{"contract", r.Schema.Contract + ": " + r.Schema.Doc})
	}
	if err := table(w, append(rows, methodRows(r.Schema)...)); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\nOf the limits it uses:")
	return errors.Join(err, limitsTable(w, r.Limits))
}

// isDeployed tells whether an argument that may be a file means a contract on the
// ledger. A folder of that name, such as the one that contract new made, is no module.
func isDeployed(what string) bool {
	info, err := os.Stat(what)
	file := err == nil && !info.IsDir() || err != nil && !errors.Is(err, fs.ErrNotExist)
	return !file && builtIn[what] == nil && ledger.ValidContractName(what)
}
