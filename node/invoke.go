package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
)

// invoked is what `invoke` prints.
type invoked struct {
	ID        string      `json:"id"`
	Height    uint64      `json:"height"`
	Index     uint32      `json:"index"`
	Status    string      `json:"status"`
	Code      uint32      `json:"code,omitempty"`
	Message   string      `json:"message,omitempty"`
	GasUsed   uint64      `json:"gas_used"`
	Output    any         `json:"output,omitempty"`
	Events    []eventView `json:"events,omitempty"`
	ErrorName string      `json:"error_name,omitempty"`
	Repeated  bool        `json:"repeated,omitempty"`
	Verified  bool        `json:"verified"`
}

type eventView struct {
	Contract string `json:"contract"`
	Topic    string `json:"topic"`
	Data     any    `json:"data"`
}

func invokeCommand(f *flags) *cobra.Command {
	var given givenArguments
	var command, save string
	var validity time.Duration
	var gas uint64
	var try, trace bool
	c := &cobra.Command{Use: "invoke CONTRACT METHOD [--field value…] [name=value…]", Short: "Submit a transaction and wait for its verified receipt", Args: cobra.MinimumNArgs(2),
		Long: `Submits a transaction and waits for its receipt, which is verified. The fields of
the method are flags, or name=value where a flag of this command has the name;
lists and objects are JSON. With --help behind the method they are explained.`,
		Example: "  concordat invoke token transfer --to bob@org1 --amount 10 --as alice@org0 --save paid.receipt\n  concordat invoke token transfer --help\n  concordat invoke token transfer to=bob@org1 amount=10\n  concordat invoke concordat note --args hello",
		RunE: func(cmd *cobra.Command, names []string) error {
			if trace && !try {
				return &exitError{code: exitUsage, err: errTraceAlone}
			}
			signer, err := f.signer()
			if err != nil {
				return err
			}
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			args, by, err := invokeArguments(cmd, c, names, &given)
			if err != nil {
				return err
			}
			call := client.Call{Contract: names[0], Method: names[1], Args: args, Command: []byte(command), Validity: validity, GasLimit: gas}
			if try {
				return dryRun(cmd, f, c, signer, call, by, trace)
			}
			s, err := submit(cmd, c, signer, call)
			if err != nil {
				return err
			}
			err = finishInvoke(cmd, f, s, by)
			if save == "" {
				return err
			}
			if failed := os.WriteFile(save, s.Raw, 0o600); failed != nil { // what came of the transaction is told by now
				id := s.Receipt.Result.TxID
				return errors.Join(err, fmt.Errorf("save the receipt: %w; `concordat receipt get %s` gets it again", failed, id))
			}
			return err
		}}
	helpFromSchema(c, f)
	given.flags(c)
	c.Flags().Uint64Var(&gas, "gas", 0, "the most gas to use; 0: the ledger's limit")
	c.Flags().StringVar(&command, "command-id", "", "makes a retry safe: the same id is executed at most once; random when empty")
	c.Flags().BoolVar(&try, "dry-run", false, "run it on one replica, which forgets the changes, and submit nothing")
	c.Flags().BoolVar(&trace, "trace", false, "with --dry-run: tell each access of the contract to the ledger")
	c.Flags().StringVar(&save, "save", "", "file for the receipt")
	c.Flags().DurationVar(&validity, "validity", defaultValidity, "how long the transaction may wait for its block")
	return c
}

// invokeArguments encodes the arguments, and tells by what the result is shown.
func invokeArguments(cmd *cobra.Command, c *client.Client, names []string, given *givenArguments) ([]byte, *called, error) {
	if names[0] == client.SystemContract {
		if len(names) > 2 || given.object != "" {
			return nil, nil, &exitError{code: exitUsage, err: errors.New("the built-in contract takes its arguments with --args")}
		}
		args, err := given.encode(nil, names[0], names[1], nil)
		return args, nil, err
	}
	s, err := given.schemaOf(cmd.Context(), c, names[0])
	if err != nil {
		return nil, nil, err
	}
	args, err := given.encode(s, names[0], names[1], names[2:])
	return args, calledOn(cmd.Context(), c, names[0], names[1], s), err
}

func (v *invoked) describe(r *ledger.Result, by *called) {
	if r.Status == ledger.StatusOK {
		v.Output = by.output(r.Output)
	} else {
		v.ErrorName = by.errorName(r.Code)
	}
	for _, e := range r.Events {
		if e.Withheld() {
			continue // it is not for who asks
		}
		v.Events = append(v.Events, by.event(e))
	}
}

func (v *invoked) rows() [][]string {
	rows := [][]string{{"transaction", v.ID}, {"place", fmt.Sprintf("block %d, transaction %d", v.Height, v.Index)}, {"status", v.Status}}
	if v.Repeated {
		rows = append(rows, []string{"repeated", "nothing was done now: this command id was used before, and this is what came of it then"})
	}
	if v.Message != "" {
		rows = append(rows, []string{"message", v.Message})
	}
	if v.Output != nil {
		rows = append(rows, []string{"output", fmt.Sprintf("%s", v.Output)})
	}
	for _, e := range v.Events {
		rows = append(rows, []string{"event", fmt.Sprintf("%s %s %s", e.Contract, e.Topic, e.Data)})
	}
	return append(rows, []string{"gas", strconv.FormatUint(v.GasUsed, 10)}, []string{"receipt", "verified"})
}

func finishInvoke(cmd *cobra.Command, f *flags, s *client.Submitted, by *called) error {
	r := s.Receipt
	v := invoked{ID: r.Result.TxID.String(), Height: uint64(r.Header.Height), Index: r.Index, Status: r.Result.Status.String(),
		Code: r.Result.Code, Message: r.Result.Message, GasUsed: r.Result.GasUsed, Repeated: s.Repeated, Verified: true}
	v.describe(&r.Result, by)
	err := f.render(cmd.OutOrStdout(), v, func(w io.Writer) error { return table(w, v.rows()) })
	if err != nil {
		return err
	}
	switch r.Result.Status {
	case ledger.StatusOK:
		return nil
	case ledger.StatusContractError:
		return &exitError{code: exitContract, err: fmt.Errorf("the contract returned error %d%s: %s", r.Result.Code, prefixed(" ", v.ErrorName), r.Result.Message), hint: replayHint(&r.Result, f.as)}
	default:
		return &exitError{code: exitRefused, err: fmt.Errorf("%s: %s", r.Result.Status, r.Result.Message), hint: replayHint(&r.Result, f.as)}
	}
}

func prefixed(by, s string) string {
	if s == "" {
		return ""
	}
	return by + s
}
