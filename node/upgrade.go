package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

const methodMigrate = "migrate"

// upgrading is one `contract upgrade`.
type upgrading struct {
	*flags
	force, only, noMigrate, trace bool
	command                       string
}

func contractUpgrade(f *flags) *cobra.Command {
	u := &upgrading{flags: f}
	c := &cobra.Command{Use: "upgrade NAME FILE [--field value…] [name=value…]", Short: "Replace a contract's module, and migrate its state", Args: cobra.MinimumNArgs(2),
		Long: `Replaces the module of a contract. Its records stay; the new module's method migrate,
if it has one, is called with the given arguments in the same transaction, and if it
fails nothing changes. Only an administrator of the organisation that deployed the
contract may: it is admin of one's own, unless --as names another.

Before that the new schema is compared with the old one, and the upgrade is tried on the
newest state of a replica, which forgets it: what would break stops the command, unless
--force is given; a migration that fails always does.`,
		Example: "  concordat contract upgrade token token2.wasm --dry-run --as admin@org0\n  concordat contract upgrade token token2.wasm --as admin@org0",
		RunE:    func(cmd *cobra.Command, args []string) error { return u.run(cmd, args) }}
	c.Flags().BoolVar(&u.only, "dry-run", false, "compare and try only")
	c.Flags().BoolVar(&u.trace, "trace", false, "with --dry-run: tell each access of the migration to the ledger")
	c.Flags().BoolVar(&u.force, "force", false, "upgrade though users of the old schema will notice")
	c.Flags().BoolVar(&u.noMigrate, "no-migrate", false, "do not call migrate")
	c.Flags().StringVar(&u.command, "command-id", "", "makes a retry safe; random when empty")
	return c
}

func (u *upgrading) run(cmd *cobra.Command, args []string) error {
	if u.trace && !u.only {
		return &exitError{code: exitUsage, err: errTraceAlone}
	}
	code, info, err := readModule(args[1])
	if err != nil {
		return err
	}
	d, now, err := upgradeTo(args[0], code, info, args[2:], !u.noMigrate)
	if err != nil {
		return err
	}
	u.asAdministrator(cmd)
	signer, err := u.signer()
	if err != nil {
		return err
	}
	u.timeout = max(u.timeout, deployTimeout)
	c, err := u.connect(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	view, old, err := contractOf(cmd.Context(), c, args[0])
	if err != nil {
		return err
	}
	if view.GetHash() == client.CodeHash(code).String() {
		return &exitError{code: exitRefused, err: fmt.Errorf("contract %s has this module already", args[0])}
	}
	if err := u.compare(cmd, old, now); err != nil {
		return err
	}
	by := calledOn(cmd.Context(), c, args[0], "", now)
	call := client.Call{Contract: client.SystemContract, Method: "upgrade", Args: d.Marshal(), Command: []byte(u.command)}
	t, err := c.Trial(cmd.Context(), &ledgerpb.TrialRequest{Contract: call.Contract, Method: call.Method, Args: call.Args, Trace: u.trace}, 0, signer)
	if err != nil {
		return fmt.Errorf("try the upgrade: %w", err)
	}
	_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "tried on the newest state: %s, gas %d, %d records would change beside the module\n", // a notice
		printable(t.GetResult().GetStatus()), t.GetResult().GetGasUsed(), migrated(t, d))
	if failed := t.GetResult().GetStatus() != ledger.StatusOK.String(); u.only || failed {
		err := finishTrial(cmd, u.flags, t, by)
		var known *exitError
		if failed && !u.trace && d.Initialise && errors.As(err, &known) {
			known.hint = "nothing was upgraded; with --dry-run --trace it is told what migrate did until then"
		}
		return err
	}
	s, err := submit(cmd, c, signer, call)
	if err != nil {
		return err
	}
	return finishInvoke(cmd, u.flags, s, by)
}

// compare tells what users of the contract will notice, and stops before what breaks.
func (u *upgrading) compare(cmd *cobra.Command, old, now *schema.Schema) error {
	if old == nil || now == nil {
		if old != nil && !u.force {
			return &exitError{code: exitRefused, err: errors.New("the new module has no schema, so callers would have to give bytes; build it with one, or use --force")}
		}
		return nil
	}
	breaks := 0
	for _, d := range schema.Compare(old, now) {
		mark := "note  "
		if d.Breaks {
			mark = "breaks"
			breaks++
		}
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%s  %s\n", mark, printable(d.Text)) // a notice
	}
	if breaks > 0 && !u.force {
		return &exitError{code: exitRefused, err: fmt.Errorf("what worked before would break, in %d ways; deploy under a new name, or use --force", breaks)}
	}
	return nil
}

// upgradeTo is the argument of the built-in method, with those of migrate by the new schema.
func upgradeTo(name string, code []byte, info *module.Info, pairs []string, migrate bool) (*ledger.Deployment, *schema.Schema, error) {
	d := &ledger.Deployment{Name: name, Code: code}
	if err := deployable(code); err != nil {
		return nil, nil, err
	}
	if info.Schema == nil {
		if len(pairs) > 0 {
			return nil, nil, errors.New("the module has no schema, so arguments by name cannot be encoded; build it with one")
		}
		return d, nil, nil
	}
	s, err := schema.Parse(info.Schema)
	if err != nil {
		return nil, nil, err
	}
	if _, err := s.Method(methodMigrate); err != nil {
		if len(pairs) > 0 {
			return nil, nil, &exitError{code: exitUsage, err: fmt.Errorf("the module has no method migrate that would take %s", pairs[0])}
		}
		return d, s, nil
	}
	if !migrate {
		return d, s, nil
	}
	d.Initialise = true
	d.Init, err = s.ArgsFromPairs(methodMigrate, pairs)
	return d, s, err
}

// migrated is how many records change beside the contract's own and its module's pieces.
func migrated(t *ledgerpb.TrialReply, d *ledger.Deployment) int {
	n := int(t.GetHidden())
	prefix := "c/" + d.Name + "/"
	for _, e := range t.GetChanges() {
		if strings.HasPrefix(string(e.GetKey()), prefix) {
			n++
		}
	}
	return n
}
