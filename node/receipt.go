package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/verify"
)

func receiptCommand(f *flags) *cobra.Command {
	c := &cobra.Command{Use: "receipt", Short: "Fetch and verify receipts"}
	c.AddCommand(receiptVerify(f), receiptGet(f))
	return c
}

// verified is what `receipt verify` prints.
type verified struct {
	Valid       bool        `json:"valid"`
	Ledger      string      `json:"ledger"`
	Transaction string      `json:"transaction"`
	Height      uint64      `json:"height"`
	Status      string      `json:"status"`
	BlockTime   string      `json:"block_time"`
	Events      []eventView `json:"events,omitempty"`
	Withheld    int         `json:"withheld,omitempty"` // events that are not for whom the receipt was made
}

func receiptVerify(f *flags) *cobra.Command {
	var trust trustFlags
	c := &cobra.Command{Use: "verify FILE", Short: "Check a receipt offline", Args: cobra.ExactArgs(1),
		Long:    "Check a receipt with nothing but the ledger's id and public key, from its genesis file or given by hand.",
		Example: "  concordat receipt verify hello.receipt --genesis genesis.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			ledgerID, ledgerKey, err := trust.ledger(f)
			if err != nil {
				return err
			}
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("read the receipt: %w", err)
			}
			r, err := ledger.ParseReceipt(raw)
			if err == nil {
				err = verify.Receipt(ledgerID, ledgerKey, r)
			}
			if err != nil {
				return &exitError{code: exitUnverified, err: fmt.Errorf("the receipt does not verify: %w", err)}
			}
			v := verified{Valid: true, Ledger: ledgerID.String(), Transaction: r.Result.TxID.String(), Height: uint64(r.Header.Height),
				Status: r.Result.Status.String(), BlockTime: r.Header.Time.Std().Format("2006-01-02T15:04:05.000Z")}
			rows := [][]string{{"receipt", "verifies"}, {"transaction", v.Transaction}, {"block", fmt.Sprint(v.Height)}, {"time", v.BlockTime}, {"status", v.Status}}
			for _, e := range r.Result.Events {
				if e.Withheld() {
					v.Withheld++
					continue
				}
				shown := (*called)(nil).event(e)
				v.Events = append(v.Events, shown)
				rows = append(rows, []string{"event", fmt.Sprint(shown.Contract, " ", shown.Topic, " ", shown.Data)})
			}
			if v.Withheld > 0 {
				rows = append(rows, []string{"withheld", fmt.Sprintf("%d events that are not for whom the receipt was made", v.Withheld)})
			}
			return f.render(cmd.OutOrStdout(), v, func(w io.Writer) error { return table(w, rows) })
		}}
	trust.add(c)
	return c
}

// trustFlags say what receipts and proofs are checked against.
type trustFlags struct{ genesis, id, key string }

func (t *trustFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&t.genesis, "genesis", "", "the ledger's genesis file")
	c.Flags().StringVar(&t.id, "ledger-id", "", "the ledger's id, hexadecimal")
	c.Flags().StringVar(&t.key, "ledger-key", "", "the ledger's public key, hexadecimal")
}

// ledger is the id and the key to trust: those of a genesis file, unless they were given
// by hand.
func (t *trustFlags) ledger(f *flags) (ledger.ID, []byte, error) {
	id, key, genesis := t.id, t.key, t.genesis
	if id == "" {
		genesis = genesisPath(f, genesis)
	}
	if genesis != "" {
		g, err := readGenesis(genesis)
		if err != nil {
			return ledger.ID{}, nil, err
		}
		return trustedGenesis(g.raw)
	}
	if id == "" || key == "" {
		return ledger.ID{}, nil, &exitError{code: exitUsage, err: errors.New("say which ledger to trust: --genesis FILE, or --ledger-id and --ledger-key")}
	}
	ledgerID, err := ledger.ParseHash(id)
	if err != nil {
		return ledger.ID{}, nil, err
	}
	ledgerKey, err := hex.DecodeString(key)
	if err != nil {
		return ledger.ID{}, nil, &exitError{code: exitUsage, err: fmt.Errorf("--ledger-key is not in hexadecimal digits: %w", err)}
	}
	return ledgerID, ledgerKey, nil
}

func trustedGenesis(raw []byte) (ledger.ID, []byte, error) {
	g, ledgerID, err := ledger.ParseGenesis(raw)
	if err != nil {
		return ledger.ID{}, nil, err
	}
	public, err := certificate.ParsePublic(g.Keys)
	if err != nil {
		return ledger.ID{}, nil, err
	}
	return ledgerID, public.Execution().LedgerKey(), nil
}

func receiptGet(f *flags) *cobra.Command {
	var out string
	var signed bool
	c := &cobra.Command{Use: "get ID", Short: "Fetch a transaction's receipt", Args: cobra.ExactArgs(1),
		Long: `Fetch a transaction's receipt. Of events that are for some only it holds the hash; those
for a party are in it when that party asks, with --signed.`,
		Example: "  concordat receipt get 4f1c… --out tx.receipt\n  concordat receipt get 4f1c… --signed --as bob@org1",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			id, err := ledger.ParseHash(args[0])
			if err != nil {
				return &exitError{code: exitUsage, err: fmt.Errorf("%q is no id of a transaction, which has 64 hexadecimal digits", args[0])}
			}
			var reader *client.Signer
			if signed {
				signer, err := f.signer()
				if err != nil {
					return err
				}
				reader = &signer
			}
			got, err := c.Receipt(cmd.Context(), id, reader)
			if err != nil {
				return err
			}
			if err := os.WriteFile(out, got.Raw, 0o600); err != nil {
				return fmt.Errorf("write the receipt: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "wrote", out)
			return err
		}}
	c.Flags().StringVar(&out, "out", "tx.receipt", "file for the receipt")
	c.Flags().BoolVar(&signed, "signed", false, "ask as the party of --as, and be shown the events for it")
	return c
}
