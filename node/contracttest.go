package main

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
	"github.com/concordat-ledger/concordat/contracts-sdk/testengine"
)

func contractTest(f *flags) *cobra.Command {
	return &cobra.Command{Use: "test [FOLDER]", Short: "Run a contract's tests natively and on the compiled module", Args: cobra.MaximumNArgs(1),
		Long: `Builds the contract, runs its own tests (go test or cargo test) on the ledger in
memory, and then the very same tests on the compiled module in the real engine. Tells
what the calls that the tests made cost there, and which methods no test called.`,
		Example: "  concordat contract test",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			program, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			b, err := build.Contract(cmd.Context(), dir, "")
			if err != nil {
				return err
			}
			tellGenerated(cmd, b)
			methods, err := build.Test(cmd.Context(), dir, b, program, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), methods, func(w io.Writer) error { return gasTable(w, methods) })
		}}
}

func gasTable(w io.Writer, methods []build.MethodGas) error {
	rows := [][]string{{"METHOD", "CALLS", "REFUSED", "GAS"}}
	for _, m := range methods {
		gas := "no test calls it"
		switch {
		case m.Calls > 0 && m.Least == m.Most:
			gas = strconv.FormatUint(m.Most, 10)
		case m.Calls > 0:
			gas = fmt.Sprintf("%d to %d", m.Least, m.Most)
		}
		rows = append(rows, []string{m.Method, strconv.Itoa(m.Calls), strconv.Itoa(m.Refused), gas})
	}
	return table(w, rows)
}

// contractEngine is what the test kits of the SDKs start.
func contractEngine() *cobra.Command {
	return &cobra.Command{Use: "engine FILE", Short: "Run a module for a test kit, on standard input and output", Args: cobra.ExactArgs(1), Hidden: true,
		Example: "  concordat contract engine token.wasm",
		RunE: func(cmd *cobra.Command, args []string) error {
			code, _, err := readModule(args[0])
			if err != nil {
				return err
			}
			return testengine.Serve(cmd.Context(), code, cmd.InOrStdin(), cmd.OutOrStdout(), noteGas(os.Getenv(build.EnvGas)))
		}}
}

// noteGas adds a line to a file for each call; several engines may write to it.
func noteGas(file string) func(testengine.Measured) error {
	return func(m testengine.Measured) error {
		if file == "" {
			return nil
		}
		// #nosec G304 G703 -- named by the command that started this one
		out, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("note what a call cost: %w", err)
		}
		if _, err := fmt.Fprintf(out, "%q %q %d\n", m.Method, m.Status, m.Gas); err != nil {
			return fmt.Errorf("note what a call cost: %w", err)
		}
		return out.Close()
	}
}
