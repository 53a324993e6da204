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
	var object, raw string
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
			req := &ledgerpb.QueryRequest{Contract: args[0], Method: args[1], Args: []byte(raw), ArgsJson: object, Height: height, Party: f.as}
			if raw == "" && object == "" {
				_, s, err := contractOf(cmd.Context(), c, args[0])
				if err != nil {
					return err
				}
				if req.Args, err = encodePairs(s, args[0], args[1], args[2:]); err != nil {
					return err
				}
			}
			reply, err := c.Query(cmd.Context(), req)
			if err != nil {
				return err
			}
			return finishQuery(cmd, f, reply)
		}}
	helpFromSchema(c, f)
	c.Flags().Uint64Var(&height, "height", 0, "block whose state is asked; 0: the newest")
	c.Flags().StringVar(&object, "json", "", "the arguments as a JSON object")
	c.Flags().StringVar(&raw, "args", "", "the arguments' bytes, as they are")
	return c
}

func finishQuery(cmd *cobra.Command, f *flags, r *ledgerpb.QueryReply) error {
	if r.GetStatus() != ledger.StatusOK.String() {
		return &exitError{exitContract, fmt.Errorf("%s: %s", r.GetStatus(), r.GetMessage())}
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
