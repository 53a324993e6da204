package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/evidence"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// proofView is one piece of evidence for people.
type proofView struct {
	ID      string   `json:"id"`
	Culprit string   `json:"culprit"`
	Kind    string   `json:"kind"`
	View    uint64   `json:"view"`
	Slot    uint64   `json:"slot"`
	Digests []string `json:"digests"`
	KeptBy  []string `json:"kept_by,omitempty"`
	Valid   bool     `json:"valid"`
	Problem string   `json:"problem,omitempty"`

	raw []byte
}

func viewProof(raw []byte, id ledger.ID, g *ledger.Genesis) (*proofView, error) {
	e, err := evidence.Parse(raw)
	if err != nil {
		return nil, err
	}
	q, err := quorum.New(g.F, g.C)
	if err != nil {
		return nil, err
	}
	v := &proofView{ID: e.ID().String(), Culprit: e.Culprit(q).String(), Kind: "two proposals for one slot", View: uint64(e.View), Slot: uint64(e.Seq),
		Digests: []string{e.First.Digest.String(), e.Second.Digest.String()}, Valid: true, raw: raw}
	if err := e.Verify(id, g); err != nil {
		v.Valid, v.Problem = false, err.Error()
	}
	return v, nil
}

// proofs collects what the replicas keep, each piece once, and verifies it against
// the genesis file, which must be the ledger's.
func proofs(ctx context.Context, c *client.Client) ([]*proofView, error) {
	reply, err := c.Lookup(ctx, &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_Genesis{Genesis: []byte("genesis")}})
	if err != nil {
		return nil, err
	}
	g, id, err := ledger.ParseGenesis(reply.GetGenesis())
	if err != nil {
		return nil, err
	}
	if id != c.LedgerID() {
		return nil, fmt.Errorf("the client node shows the genesis of ledger %s, not of %s", id, c.LedgerID())
	}
	st, err := c.Status(ctx)
	if err != nil {
		return nil, err
	}
	var out []*proofView
	byID := map[string]*proofView{}
	for _, r := range st.GetReplicas() {
		for _, raw := range r.GetEvidence() {
			v, err := viewProof(raw, id, g)
			if err != nil {
				return nil, fmt.Errorf("%s keeps what is no evidence: %w", r.GetId(), err)
			}
			if known := byID[v.ID]; known != nil {
				known.KeptBy = append(known.KeptBy, r.GetId())
				continue
			}
			v.KeptBy = []string{r.GetId()}
			byID[v.ID] = v
			out = append(out, v)
		}
	}
	return out, nil
}

func (v *proofView) table(w io.Writer) error {
	verdict := "proves that " + v.Culprit + " signed both"
	if !v.Valid {
		verdict = "proves nothing: " + v.Problem
	}
	return table(w, [][]string{{"evidence", v.ID}, {"against", v.Culprit}, {"kind", v.Kind}, {"place", fmt.Sprintf("view %d, slot %d", v.View, v.Slot)},
		{"proposals", strings.Join(v.Digests, ", ")}, {"kept by", strings.Join(v.KeptBy, ", ")}, {"verdict", verdict}})
}

func evidenceCommand(f *flags) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "Proofs against replicas, verified here", Args: cobra.NoArgs, Example: "  concordat evidence list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			all, err := proofs(cmd.Context(), c)
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), all, func(w io.Writer) error {
				rows := [][]string{{"EVIDENCE", "AGAINST", "KIND", "VIEW", "SLOT", "KEPT BY", "VALID"}}
				for _, v := range all {
					rows = append(rows, []string{shortHash(v.ID), v.Culprit, v.Kind, strconv.FormatUint(v.View, 10), strconv.FormatUint(v.Slot, 10),
						strings.Join(v.KeptBy, ", "), strconv.FormatBool(v.Valid)})
				}
				return table(w, rows)
			})
		}}
	var save string
	show := &cobra.Command{Use: "show ID", Short: "One proof, by the beginning of its id", Args: cobra.ExactArgs(1),
		Example: "  concordat evidence show 4f1c --save replica-0.evidence",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.connect(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			all, err := proofs(cmd.Context(), c)
			if err != nil {
				return err
			}
			for _, v := range all {
				if !strings.HasPrefix(v.ID, args[0]) {
					continue
				}
				if save != "" {
					if err := os.WriteFile(save, v.raw, 0o600); err != nil {
						return fmt.Errorf("save the evidence: %w", err)
					}
				}
				return f.render(cmd.OutOrStdout(), v, v.table)
			}
			return fmt.Errorf("no replica keeps evidence %q; `concordat evidence list` shows what there is", args[0])
		}}
	show.Flags().StringVar(&save, "save", "", "file for the proof")
	c := &cobra.Command{Use: "evidence", Short: "Proofs of misbehaviour that convince others"}
	c.AddCommand(list, show, evidenceVerify(f))
	return c
}

func evidenceVerify(f *flags) *cobra.Command {
	var genesis string
	c := &cobra.Command{Use: "verify FILE", Short: "Check a proof without any network", Args: cobra.ExactArgs(1),
		Example: "  concordat evidence verify replica-0.evidence --genesis genesis.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := os.ReadFile(args[0]) // #nosec G304 -- the user names the file
			if err != nil {
				return fmt.Errorf("read the evidence: %w", err)
			}
			path := genesisPath(f, genesis)
			if path == "" {
				return &exitError{code: exitUsage, err: errors.New("name the ledger's genesis file with --genesis")}
			}
			g, err := readGenesis(path)
			if err != nil {
				return err
			}
			v, err := viewProof(raw, g.id, g.genesis)
			if err != nil {
				return &exitError{code: exitUnverified, err: err}
			}
			if err := f.render(cmd.OutOrStdout(), v, v.table); err != nil {
				return err
			}
			if !v.Valid {
				return &exitError{code: exitUnverified, err: fmt.Errorf("%s", v.Problem)}
			}
			return nil
		}}
	c.Flags().StringVar(&genesis, "genesis", "", "the ledger's genesis file; that of --dir when empty")
	return c
}
