package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// trialView is what came of a trial, as commands print it.
type trialView struct {
	Status    string        `json:"status"`
	Code      uint32        `json:"code,omitempty"`
	ErrorName string        `json:"error_name,omitempty"`
	Message   string        `json:"message,omitempty"`
	GasUsed   uint64        `json:"gas_used"`
	Output    any           `json:"output,omitempty"`
	Events    []eventView   `json:"events,omitempty"`
	Changes   []stateRecord `json:"changes"`
	Hidden    uint32        `json:"hidden_changes,omitempty"`
	Steps     []stepView    `json:"steps,omitempty"`
	Cut       bool          `json:"steps_cut,omitempty"`
	Recorded  string        `json:"recorded,omitempty"` // what the ledger has, when it differs
	Submitted bool          `json:"submitted"`          // always false
}

func viewTrial(t *ledgerpb.TrialReply, by *called) *trialView {
	r := t.GetResult()
	v := &trialView{Status: r.GetStatus(), Code: r.GetCode(), Message: r.GetMessage(), GasUsed: r.GetGasUsed(),
		Changes: []stateRecord{}, Hidden: t.GetHidden(), Cut: t.GetCut()}
	shownBy := invoked{}
	shownBy.describe(trialResult(r), by)
	v.Output, v.Events, v.ErrorName = shownBy.Output, shownBy.Events, shownBy.ErrorName
	for _, e := range t.GetChanges() {
		v.Changes = append(v.Changes, stateRecord{Key: shownKey(e.GetKey()), Value: shownText(e.GetValue()), Audience: e.GetAudience(), Deleted: e.GetDeleted()})
	}
	v.Steps = viewSteps(t.GetSteps())
	if rec := t.GetRecorded(); rec != nil && (rec.GetStatus() != r.GetStatus() || rec.GetCode() != r.GetCode() || rec.GetGasUsed() != r.GetGasUsed() || string(rec.GetOutput()) != string(r.GetOutput())) {
		v.Recorded = fmt.Sprintf("%s, gas %d", rec.GetStatus(), rec.GetGasUsed())
	}
	return v
}

// trialResult is a result as the views of transactions take it.
func trialResult(r *ledgerpb.ResultView) *ledger.Result {
	out := &ledger.Result{Status: ledger.StatusRefused, Code: r.GetCode(), Output: r.GetOutput()}
	if r.GetStatus() == ledger.StatusOK.String() {
		out.Status = ledger.StatusOK
	}
	for _, e := range r.GetEvents() {
		out.Events = append(out.Events, ledger.Event{Contract: e.GetContract(), Topic: e.GetTopic(), Data: e.GetData()})
	}
	return out
}

func (v *trialView) table(w io.Writer) error {
	rows := [][]string{{"status", v.Status + prefixed(" ", v.ErrorName)}}
	if v.Message != "" {
		rows = append(rows, []string{"message", v.Message})
	}
	if v.Output != nil {
		rows = append(rows, []string{"output", fmt.Sprintf("%s", v.Output)})
	}
	for _, e := range v.Events {
		rows = append(rows, []string{"event", fmt.Sprintf("%s %s %s", e.Contract, e.Topic, e.Data)})
	}
	for _, c := range v.Changes {
		rows = append(rows, []string{"change", c.words()})
	}
	if v.Hidden > 0 {
		rows = append(rows, []string{"change", fmt.Sprintf("and %d of records that are not shown to you, or too large", v.Hidden)})
	}
	rows = append(rows, []string{"gas", strconv.FormatUint(v.GasUsed, 10)})
	if v.Recorded != "" {
		rows = append(rows, []string{"recorded", v.Recorded + "; the ledger's own record counts, and this replica's engine or store differs from it"})
	}
	if err := table(w, rows); err != nil {
		return err
	}
	for _, s := range v.Steps {
		_, _ = fmt.Fprint(w, s.lines()) // table has reported
	}
	if v.Cut {
		_, _ = fmt.Fprintln(w, "  … and more steps")
	}
	return nil
}

func (c *stateRecord) words() string {
	text := c.Key
	if c.Deleted {
		return text + " removed"
	}
	text += " = " + shortText(c.Value)
	if len(c.Audience) > 0 {
		text += " for " + strings.Join(c.Audience, ", ")
	}
	return text
}

// finishTrial prints a trial and returns what a transaction that ends so would.
func finishTrial(cmd *cobra.Command, f *flags, t *ledgerpb.TrialReply, by *called) error {
	v := viewTrial(t, by)
	if err := f.render(cmd.OutOrStdout(), v, v.table); err != nil {
		return err
	}
	switch v.Status {
	case ledger.StatusOK.String():
		return nil
	case ledger.StatusContractError.String():
		return &exitError{code: exitContract, err: fmt.Errorf("the contract would return error %d%s: %s", v.Code, prefixed(" ", v.ErrorName), v.Message)}
	}
	return &exitError{code: exitRefused, err: fmt.Errorf("%s: %s", v.Status, v.Message)}
}

func txReplay(f *flags) *cobra.Command {
	var noTrace bool
	c := &cobra.Command{Use: "replay ID", Short: "Execute a transaction of the past again, and tell what its contract did", Args: cobra.ExactArgs(1),
		Long: `Executes a transaction again on the state that it found, on one replica, which forgets
the changes, and prints each access of the contract to the ledger. A replica answers as
long as it keeps the state of the block before. Only who signed the transaction, an
administrator of that organisation, or an auditor may ask; records that are not for the
one who asks are left out.`,
		Example: "  concordat tx replay 4f1c… --as alice@org0",
		RunE: func(cmd *cobra.Command, args []string) error {
			signer, err := f.signer()
			if err != nil {
				return err
			}
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			id, err := hex.DecodeString(args[0])
			if err != nil || len(id) != ledger.HashSize {
				return &exitError{code: exitUsage, err: fmt.Errorf("%q is no transaction id; it has %d hexadecimal digits", args[0], 2*ledger.HashSize)}
			}
			by, err := calledBy(cmd.Context(), c, args[0])
			if err != nil {
				return err
			}
			t, err := c.Trial(cmd.Context(), &ledgerpb.TrialRequest{TxId: args[0], Trace: !noTrace}, 0, signer)
			if err != nil {
				return err
			}
			v := viewTrial(t, by) // that the transaction failed is no failure of this command
			return f.render(cmd.OutOrStdout(), v, v.table)
		}}
	c.Flags().BoolVar(&noTrace, "no-trace", false, "only how it ends and what it changes")
	return c
}

// calledBy tells by what a transaction of the past is shown. Where it is not to be had the
// error says why: it may be pruned here.
func calledBy(ctx context.Context, c *client.Client, id string) (*called, error) {
	reply, err := c.Lookup(ctx, &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_TxId{TxId: id}})
	if err != nil {
		return nil, err
	}
	return calledIn(ctx, c, reply), nil
}

// calledIn tells by what a transaction that was looked up is shown.
func calledIn(ctx context.Context, c *client.Client, reply *ledgerpb.LookupReply) *called {
	contract, method := reply.GetTransaction().GetContract(), reply.GetTransaction().GetMethod()
	_, s, err := contractOf(ctx, c, contract)
	if err != nil { // the built-in one, for example
		s = nil
	}
	return calledOn(ctx, c, contract, method, s)
}

// dryRun executes a call on one replica, which forgets its changes.
func dryRun(cmd *cobra.Command, f *flags, c *client.Client, signer client.Signer, call client.Call, by *called, trace bool) error {
	t, err := c.Trial(cmd.Context(), &ledgerpb.TrialRequest{Contract: call.Contract, Method: call.Method, Args: call.Args, GasLimit: call.GasLimit, Trace: trace}, 0, signer)
	if err != nil {
		return err
	}
	return finishTrial(cmd, f, t, by)
}

var errTraceAlone = errors.New("--trace is for --dry-run; of a transaction that was submitted `concordat tx replay` tells the steps")
