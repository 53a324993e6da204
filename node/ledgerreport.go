package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/node/audit"
)

// shownReport is what `ledger report` prints: the report, and who signed it.
type shownReport struct {
	*audit.Report
	SignedBy string `json:"signed_by"`       // the public key
	Known    string `json:"signer_is_known"` // from where, or that it is not
}

func ledgerReport(f *flags) *cobra.Command {
	var genesis string
	c := &cobra.Command{Use: "report FILE", Short: "Check and show the report of a verification", Args: cobra.ExactArgs(1),
		Long: `Check the signature of a report that 'ledger verify --report' wrote, and show it. With
--genesis also that it is about that ledger, and whether its auditor is one of the
parties that the genesis names, with that key.`,
		Example: "  concordat ledger report audit.json --genesis genesis.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("read the report: %w", err)
			}
			r, key, err := audit.OpenReport(raw)
			if err != nil {
				return err
			}
			v := &shownReport{Report: r, SignedBy: fmt.Sprintf("%x", key[:]), Known: "not checked; compare the key with the auditor's"}
			if path := genesisPath(f, genesis); path != "" {
				if v.Known, err = knownSigner(path, r, key[:]); err != nil {
					return err
				}
			}
			return f.render(cmd.OutOrStdout(), v, func(w io.Writer) error {
				if err := reportTable(w, r); err != nil {
					return err
				}
				return table(w, [][]string{{"time", r.Time}, {"auditor", r.Auditor}, {"signed by", v.SignedBy}, {"signer", v.Known}})
			})
		}}
	c.Flags().StringVar(&genesis, "genesis", "", "the ledger's genesis file; that of --dir when empty")
	return c
}

// knownSigner compares a report with a genesis file.
func knownSigner(path string, r *audit.Report, key []byte) (string, error) {
	g, err := readGenesis(path)
	if err != nil {
		return "", err
	}
	if r.LedgerID != g.id.String() {
		return "", fmt.Errorf("%w: it is about another ledger, %s", audit.ErrReport, r.LedgerID)
	}
	for _, p := range g.genesis.Parties {
		if string(p.Party) == r.Auditor && bytes.Equal(p.PublicKey, key) {
			return r.Auditor + ", as genesis has it", nil
		}
	}
	return "not in genesis; compare the key with the auditor's", nil
}
