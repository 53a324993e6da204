package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

func queryCommand(f *flags) *cobra.Command {
	var height uint64
	var given givenArguments
	c := &cobra.Command{Use: "query CONTRACT METHOD [--field value…] [name=value…]", Short: "Ask a contract without a transaction", Args: cobra.MinimumNArgs(2),
		Long: `Runs a method on the newest state, or that of a height, and changes nothing. The
answer is one replica's word; a receipt is what proves something to others.`,
		Example: "  concordat query token balance_of --party alice@org0\n  concordat query token balance_of --help\n  concordat query token info -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			s, err := given.schemaOf(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			req := &ledgerpb.QueryRequest{Contract: args[0], Method: args[1], Height: height, Party: f.as}
			if req.Args, err = given.encode(s, args[0], args[1], args[2:]); err != nil {
				return err
			}
			reply, err := c.Query(cmd.Context(), req)
			if err != nil {
				return err
			}
			return finishQuery(cmd, f, reply, &called{contract: args[0], method: args[1], schema: s})
		}}
	helpFromSchema(c, f)
	c.Flags().Uint64Var(&height, "height", 0, "block whose state is asked; 0: the newest")
	given.flags(c)
	return c
}

// queryFailed is the error of a query that did not end well, as one of the same
// transaction would be.
func queryFailed(r *ledgerpb.QueryReply, by *called) error {
	if r.GetStatus() == ledger.StatusContractError.String() {
		return &exitError{code: exitContract, err: fmt.Errorf("the contract returned error %d%s: %s", r.GetCode(), prefixed(" ", by.errorName(r.GetCode())), r.GetMessage())}
	}
	failed := &exitError{code: exitRefused, err: fmt.Errorf("%s: %s", r.GetStatus(), r.GetMessage())}
	if by.schema != nil && r.GetStatus() == ledger.StatusTrapped.String() { // as a write in a query does
		if m, err := by.schema.Method(by.method); err == nil && !m.Query {
			failed.hint = fmt.Sprintf("%s is no query; `concordat invoke %s %s` submits it", m.Name, by.contract, m.Name)
		}
	}
	return failed
}

func finishQuery(cmd *cobra.Command, f *flags, r *ledgerpb.QueryReply, by *called) error {
	if r.GetStatus() != ledger.StatusOK.String() {
		return queryFailed(r, by)
	}
	v := map[string]any{"height": r.GetHeight(), "gas_used": r.GetGasUsed()}
	rows := [][]string{}
	if names, values, err := objectFields(r.GetOutputJson()); err == nil && r.GetOutputJson() != "" {
		output := map[string]any{}
		for i, n := range names {
			output[n] = values[i]
			rows = append(rows, []string{n, cell(values[i])})
		}
		v["output"] = output
	} else {
		v["output_hex"] = fmt.Sprintf("%x", r.GetOutput())
		rows = append(rows, []string{"output", fmt.Sprintf("%x", r.GetOutput())})
	}
	rows = append(rows, []string{"at block", strconv.FormatUint(r.GetHeight(), 10)})
	return f.render(cmd.OutOrStdout(), v, func(w io.Writer) error { return table(w, rows) })
}
