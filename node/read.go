package main

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// table writes aligned columns.
func table(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				_, _ = fmt.Fprint(t, "\t") // Flush reports
			}
			_, _ = fmt.Fprint(t, printable(cell))
		}
		_, _ = fmt.Fprintln(t)
	}
	return t.Flush()
}

func shortHash(s string) string { return s[:min(len(s), 12)] }

func statusCommand(f *flags) *cobra.Command {
	return &cobra.Command{Use: "status", Short: "How the ledger and its replicas stand", Args: cobra.NoArgs,
		Example: "  concordat status\n  concordat status -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			st, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), st, func(w io.Writer) error {
				_, _ = fmt.Fprintf(w, "%s: height %d, view %d, primary %s; %s\n", printable(st.GetLedger()), st.GetHeight(), st.GetView(), printable(st.GetPrimary()), printable(st.GetSummary()))
				rows := [][]string{{"REPLICA", "HEIGHT", "BLOCKS FROM", "STATE FROM", "STATE ROOT", "FAST", "SLOW", "SUMMARY", "STORE"}}
				for _, r := range st.GetReplicas() {
					rows = append(rows, []string{r.GetId(), strconv.FormatUint(r.GetHeight(), 10),
						strconv.FormatUint(r.GetOldestBlock(), 10), strconv.FormatUint(r.GetOldestState(), 10), shortHash(r.GetStateRoot()),
						strconv.FormatUint(r.GetFastSlots(), 10), strconv.FormatUint(r.GetSlowSlots(), 10), r.GetSummary(), r.GetStore()})
				}
				if err := table(w, rows); err != nil {
					return err
				}
				for _, r := range st.GetReplicas() {
					if r.GetRetention() != "" {
						_, _ = fmt.Fprintf(w, "%s: %s\n", printable(r.GetId()), printable(r.GetRetention())) // table has reported
					}
				}
				return nil
			})
		}}
}

func blockCommand(f *flags) *cobra.Command {
	lookup := func(cmd *cobra.Command, req *ledgerpb.LookupRequest) error {
		c, err := f.connect(cmd)
		if err != nil {
			return err
		}
		defer c.Close()
		reply, err := c.Lookup(cmd.Context(), req)
		if err != nil {
			return err
		}
		return f.render(cmd.OutOrStdout(), reply.GetBlocks(), func(w io.Writer) error { return blockTable(w, reply.GetBlocks()) })
	}
	var count uint64
	list := &cobra.Command{Use: "list", Short: "The newest blocks", Args: cobra.NoArgs, Example: "  concordat block list --count 5",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return lookup(cmd, &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_Latest{Latest: count}})
		}}
	list.Flags().Uint64Var(&count, "count", 10, "how many, at most 200")
	show := &cobra.Command{Use: "show HEIGHT|HASH", Short: "One block", Args: cobra.ExactArgs(1), Example: "  concordat block show 1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if h, err := strconv.ParseUint(args[0], 10, 64); err == nil {
				return lookup(cmd, &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_Height{Height: h}})
			}
			return lookup(cmd, &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_BlockHash{BlockHash: args[0]}})
		}}
	c := &cobra.Command{Use: "block", Short: "Look at blocks"}
	c.AddCommand(list, show)
	return c
}

func blockTable(w io.Writer, blocks []*ledgerpb.BlockView) error {
	rows := [][]string{{"HEIGHT", "HASH", "TIME", "TXS", "STATE ROOT", "PATH", "CERTIFIED"}}
	for _, b := range blocks {
		rows = append(rows, []string{strconv.FormatUint(b.GetHeight(), 10), shortHash(b.GetHash()),
			ledger.Time(b.GetTime()).Std().Format("15:04:05.000"), strconv.FormatUint(uint64(b.GetTransactions()), 10),
			shortHash(b.GetStateRoot()), b.GetCommitPath(), strconv.FormatBool(b.GetCertified())})
	}
	return table(w, rows)
}

func txCommand(f *flags) *cobra.Command {
	show := &cobra.Command{Use: "show ID", Short: "A transaction and its result", Args: cobra.ExactArgs(1),
		Example: "  concordat tx show 4f1c…",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			reply, err := c.Lookup(cmd.Context(), &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_TxId{TxId: args[0]}})
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), reply, func(w io.Writer) error {
				return table(w, txRows(reply, calledIn(cmd.Context(), c, reply)))
			})
		}}
	c := &cobra.Command{Use: "tx", Short: "Look at transactions"}
	c.AddCommand(show, txReplay(f))
	return c
}

// txRows tell about a transaction, with what the contract's schema says of its bytes.
func txRows(reply *ledgerpb.LookupReply, by *called) [][]string {
	t, r := reply.GetTransaction(), reply.GetResult()
	v := &invoked{}
	v.describe(trialResult(r), by)
	rows := [][]string{{"id", t.GetId()}, {"party", t.GetParty()}, {"call", t.GetContract() + "." + t.GetMethod()}}
	if args := by.arguments(t.GetArgs()); args != nil {
		rows = append(rows, []string{"arguments", shortText(fmt.Sprintf("%s", args))})
	}
	rows = append(rows, []string{"place", fmt.Sprintf("block %d, transaction %d", t.GetHeight(), t.GetIndex())},
		[]string{"status", r.GetStatus() + prefixed(" ", v.ErrorName)})
	if v.Output != nil {
		rows = append(rows, []string{"output", fmt.Sprintf("%s", v.Output)})
	}
	for _, e := range v.Events {
		rows = append(rows, []string{"event", fmt.Sprintf("%s %s %s", e.Contract, e.Topic, e.Data)})
	}
	return append(rows, []string{"gas", strconv.FormatUint(r.GetGasUsed(), 10)}, []string{"message", r.GetMessage()})
}
