package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/node/config"
)

// flags that all commands share.
type flags struct {
	output  string
	url     string
	dir     string
	as      string
	timeout time.Duration
	context string
}

const defaultURL = "nats://127.0.0.1:4222"

func newRoot() *cobra.Command {
	f := &flags{}
	root := &cobra.Command{
		Use:   "concordat",
		Short: "A Byzantine-fault-tolerant ledger for organisations that trust no single one among them",
		Long: `Concordat is a permissioned, Byzantine-fault-tolerant ledger.

Exit codes: 0 success, 1 error, 2 usage, 3 refused by the ledger, 4 the contract
returned an error, 5 a receipt, report, snapshot or backup does not verify,
6 outcome unknown, 7 unreachable, 8 a ledger does not verify, 9 a ledger could
not be read.`,
		Example:       "  concordat demo\n  concordat dev",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.HasSubCommands() { // a group: it shows its help, whatever is wrong elsewhere
				return nil
			}
			if f.output != "table" && f.output != "json" && f.output != "yaml" {
				return &exitError{code: exitUsage, err: fmt.Errorf("there is no output form %q; there are table, json and yaml", f.output)}
			}
			if f.timeout < 0 {
				return &exitError{code: exitUsage, err: errors.New("--timeout needs a time above zero")}
			}
			return f.applyContext(cmd)
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{code: exitUsage, err: err} })
	p := root.PersistentFlags()
	p.StringVarP(&f.output, "output", "o", "table", "form of the output: table, json or yaml")
	p.StringVar(&f.url, "url", envOr("CONCORDAT_URL", defaultURL), "address of the client node")
	p.StringVar(&f.dir, "dir", envOr("CONCORDAT_DIR", ""), "folder of a local network, for its keys and genesis")
	p.StringVar(&f.as, "as", "alice@org0", "party that signs")
	p.DurationVar(&f.timeout, "timeout", 30*time.Second, "how long to wait for the ledger")
	p.StringVar(&f.context, "context", os.Getenv("CONCORDAT_CONTEXT"), "context to use; the current one when empty")
	_ = root.RegisterFlagCompletionFunc("context", completeContexts) // fails only for a flag that is not there
	root.AddCommand(contextCommand(f), replicaCommand(), clientNodeCommand(), demoCommand(), devCommand(f), statusCommand(f), invokeCommand(f),
		queryCommand(f), contractCommand(f),
		blockCommand(f), txCommand(f), receiptCommand(f), stateCommand(f), proofCommand(f), ledgerCommand(f), identityCommand(f), evidenceCommand(f), benchCommand(f), versionCommand(),
		snapshotCommand(f), backupCommand(f), restoreCommand(f))
	strict(root)
	return root
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// connect reaches the client node. With a folder the ledger's identity comes
// from genesis, otherwise from the node's first answer.
func (f *flags) connect(cmd *cobra.Command) (*client.Client, error) {
	opt := client.Options{URL: f.url, Timeout: f.timeout, Name: "concordat"}
	return client.Connect(cmd.Context(), opt)
}

// signer is the party of --as with its key from the network's folder.
func (f *flags) signer() (client.Signer, error) {
	if f.dir == "" {
		return client.Signer{}, errors.New("where are the keys? name the network's folder with --dir or CONCORDAT_DIR; `concordat dev` prints it")
	}
	if err := ledger.Party(f.as).Validate(); err != nil {
		return client.Signer{}, &exitError{code: exitUsage, err: fmt.Errorf("--as: %w", err)}
	}
	key, err := f.keyOf(f.as, "`concordat identity list` tells whose there are, --as names one")
	if err != nil {
		return client.Signer{}, err
	}
	return client.Signer{Party: ledger.Party(f.as), Key: key}, nil
}

// keyOf is a party's key from the network's folder; next is what to do when it is not there.
func (f *flags) keyOf(party, next string) (signature.PrivateKey, error) {
	file := filepath.Join(f.dir, "keys", party+".key")
	key, err := config.LoadKey(file)
	if errors.Is(err, fs.ErrNotExist) {
		return key, fmt.Errorf("there is no key of %s: %s is missing; %s", party, file, next)
	}
	return key, err
}

// render prints one value in the form that was asked for. table writes the form
// for people.
func (f *flags) render(w io.Writer, v any, table func(io.Writer) error) error {
	if f.output == "table" {
		return table(w)
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	escaped := escapedJSON(text.Bytes(), f.output == "yaml")
	if f.output == "json" {
		_, err := w.Write(escaped)
		return err
	}
	var plain any
	if err := yaml.Unmarshal(escaped, &plain); err != nil { // YAML holds JSON, and its whole numbers stay whole
		return fmt.Errorf("render: %w", err)
	}
	y := yaml.NewEncoder(w)
	y.SetIndent(2)
	return y.Encode(plain)
}

func newLogger(level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l}))
}

// versionText is set by release builds.
var versionText = "0.1.0-dev"

func versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), versionText)
			return err
		}}
}
