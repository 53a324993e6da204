package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/node/audit"
)

func ledgerCommand(f *flags) *cobra.Command {
	c := &cobra.Command{Use: "ledger", Short: "Verify and export a whole ledger, offline"}
	c.AddCommand(ledgerVerify(f), ledgerExport(f), ledgerReport(f))
	return c
}

// check is one run of `ledger verify`.
type check struct {
	flags    *flags
	genesis  string
	resume   string
	report   string
	progress bool
	takeOver bool
	workers  int
	unkept   error // why it could not be kept how far the check came
}

func ledgerVerify(f *flags) *cobra.Command {
	v := &check{flags: f}
	c := &cobra.Command{Use: "verify DIR|EXPORT", Short: "Check a whole ledger against its genesis file", Args: cobra.ExactArgs(1),
		Long: `Check everything that a stopped replica's folder or an export holds against the
genesis file alone: the chain of blocks, transactions and their signatures, commit
certificates, results, execution certificates and the state. - reads an export from
the standard input. Exit code 8 and the place when the ledger does not verify, 9
when it could not be read.`,
		Example: "  concordat ledger verify /srv/concordat/replica-0 --genesis genesis.json\n" +
			"  concordat ledger verify ledger.export --genesis genesis.json --report audit.json --as auditor@org0",
		RunE: func(cmd *cobra.Command, args []string) error { return v.run(cmd, args[0]) }}
	c.Flags().StringVar(&v.genesis, "genesis", "", "the genesis file that you trust; that of --dir when empty")
	c.Flags().StringVar(&v.resume, "resume", "", "file that keeps how far the check came, to go on from there")
	c.Flags().StringVar(&v.report, "report", "", "file for a report, signed by the party of --as")
	c.Flags().BoolVar(&v.progress, "progress", false, "show progress even when it is not a terminal that sees it")
	c.Flags().BoolVar(&v.takeOver, "take-over", false, "let a store that was not closed in good order be written to")
	c.Flags().IntVar(&v.workers, "workers", runtime.GOMAXPROCS(0), "cores that check blocks")
	return c
}

// open finds out what was named.
func (v *check) open(cmd *cobra.Command, name string, rules *chain.Rules) (audit.Source, error) {
	if name == "-" {
		return opened(audit.OpenExport(stoppable(cmd.Context(), cmd.InOrStdin()), rules))
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", audit.ErrUnreadable, err)
	}
	if !info.IsDir() {
		file, err := os.Open(name) // #nosec G304 -- the user names the file
		if err != nil {
			return nil, fmt.Errorf("%w: %w", audit.ErrUnreadable, err)
		}
		src, err := opened(audit.OpenExport(file, rules))
		if err != nil {
			_ = file.Close() // only read
		}
		return src, err
	}
	folder, err := audit.Find(name)
	if err != nil {
		return nil, err
	}
	return opened(audit.OpenStore(folder.Store, rules.Ledger(), v.takeOver))
}

// opened makes a Source of one, or nil of none.
func opened[S audit.Source](s S, err error) (audit.Source, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

func trustedRules(f *flags, genesis string) (*chain.Rules, error) {
	path := genesisPath(f, genesis)
	if path == "" {
		return nil, &exitError{code: exitUsage, err: errors.New("name the genesis file that you trust with --genesis")}
	}
	g, err := readGenesis(path)
	if err != nil {
		return nil, err
	}
	rules, err := chain.NewRules(g.raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rules, nil
}

func (v *check) run(cmd *cobra.Command, name string) error {
	rules, err := trustedRules(v.flags, v.genesis)
	if err != nil {
		return err
	}
	sign, err := v.signer()
	if err == nil {
		err = replaceable(v.resume, "--resume")
	}
	if err != nil {
		return err // before hours of work
	}
	opt := audit.Options{Workers: v.workers}
	if v.resume != "" {
		if opt.Kept, err = audit.LoadKept(v.resume); err != nil {
			return err
		}
		opt.Keep = func(k *audit.Kept) error {
			v.unkept = k.Save(v.resume)
			return v.unkept
		}
	}
	src, err := v.open(cmd, name, rules)
	if chain.IsFault(err) {
		return v.conclude(cmd, audit.NewReport(rules, nil, nil, err, 0, time.Now()), err, sign)
	}
	if err != nil {
		return v.interrupted(name, err)
	}
	show, end := newMeter(cmd.ErrOrStderr(), v.progress)
	opt.Progress = show
	s, fault := audit.Verify(cmd.Context(), rules, src, opt)
	end()
	if fault != nil && !chain.IsFault(fault) {
		return errors.Join(v.interrupted(name, fault), src.Close())
	}
	var resumed ledger.Height
	if opt.Kept != nil {
		resumed = opt.Kept.Mark.Height
	}
	r := audit.NewReport(rules, src, s, fault, resumed, time.Now())
	return errors.Join(v.conclude(cmd, r, fault, sign), src.Close())
}

// conclude tells the verdict before anything else can go wrong.
func (v *check) conclude(cmd *cobra.Command, r *audit.Report, fault error, sign func(*audit.Report) error) error {
	var shown error
	if fault == nil || v.flags.output != "table" {
		shown = v.flags.render(cmd.OutOrStdout(), r, func(w io.Writer) error { return reportTable(w, r) })
	}
	signed := sign(r)
	if fault == nil && signed == nil && v.resume != "" {
		_ = os.Remove(v.resume) // done; if it stays, the next run goes on from it
	}
	return errors.Join(refusal(fault), shown, signed)
}

// refusal says of a fault what it means.
func refusal(err error) error {
	if !chain.IsFault(err) {
		return err
	}
	return fmt.Errorf("the ledger does not verify: %w", err)
}

// interrupted says of an interruption how to go on, and leaves other errors as they are.
func (v *check) interrupted(name string, err error) error {
	switch {
	case !errors.Is(err, context.Canceled):
		return err
	case name == "-":
		return errors.New("interrupted; a stream cannot be gone on with: name the file for that, with --resume FILE")
	case v.resume == "":
		return errors.New("interrupted; with --resume FILE a check can be gone on with")
	case v.unkept != nil:
		return fmt.Errorf("interrupted; the same command goes on from where it could be kept last: %w", v.unkept)
	}
	return errors.New("interrupted; the same command goes on")
}

// signer returns what writes the report, if one was asked for.
func (v *check) signer() (func(*audit.Report) error, error) {
	if v.report == "" {
		return func(*audit.Report) error { return nil }, nil
	}
	if err := replaceable(v.report, "--report"); err != nil {
		return nil, err
	}
	who, err := v.flags.signer()
	if err != nil {
		return nil, err
	}
	return func(r *audit.Report) error {
		r.Auditor, r.Version = string(who.Party), versionText
		raw, err := audit.Sign(r, who.Key)
		if err != nil {
			return err
		}
		if err := renameio.WriteFile(v.report, raw, 0o600); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		return nil
	}, nil
}

func reportTable(w io.Writer, r *audit.Report) error {
	verdict := "verifies"
	if r.Result != audit.ResultVerified {
		verdict = r.Result + ": " + r.Fault
	}
	rows := [][]string{{"ledger", verdict}, {"name", r.LedgerName}, {"id", r.LedgerID}}
	if r.Result == audit.ResultVerified {
		number := func(n uint64) string { return strconv.FormatUint(n, 10) }
		rows = append(rows, []string{"blocks", fmt.Sprintf("%d to %d", r.FirstHeight, r.LastHeight)}, []string{"newest block", r.LastHash},
			[]string{"certified up to", number(r.CertifiedHeight)}, []string{"transactions", number(r.Checked.Transactions)},
			[]string{"signatures", number(r.Checked.Signatures)}, []string{"commit certificates", number(r.Checked.CommitCertificates)},
			[]string{"execution certificates", number(r.Checked.ExecutionCertificates)},
			[]string{"state", fmt.Sprintf("%d records after block %d", r.Checked.Records, r.StateHeight)}, []string{"state root", r.StateRoot})
	}
	for _, remark := range r.Remarks {
		rows = append(rows, []string{"remark", remark})
	}
	return table(w, rows)
}
