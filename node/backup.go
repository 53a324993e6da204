package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/node/archive"
	"github.com/concordat-ledger/concordat/node/control"
)

func backupCommand(f *flags) *cobra.Command {
	var home, passphrase string
	var to []string
	opt := archive.BackupOptions{}
	c := &cobra.Command{Use: "backup", Short: "Write what brings a replica back on other hardware", Args: cobra.NoArgs,
		Long: `Write a snapshot of the newest certified checkpoint, the blocks since, genesis, node.yaml and
the certificate, while the replica runs or while it is stopped. A name that ends in .tar
or .age gives one file, another one a folder. With --recipient or --passphrase-file it
is encrypted by age; only then it can hold the replica's keys.

The votes are never in it: an old vote log would let the replica contradict what it has
signed since. A restored replica follows until that is settled.`,
		Example: `  concordat backup --home /srv/concordat/replica-0 --out replica-0.tar
  concordat backup --home /srv/concordat/replica-0 --out replica-0.age --keys --passphrase-file secret`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.Path == "" {
				return &exitError{code: exitUsage, err: errors.New("say where the backup goes: --out FILE, or --out FOLDER")}
			}
			opt.Path = filepath.Clean(opt.Path)
			if strings.HasSuffix(opt.Path, ".age") && len(to) == 0 && passphrase == "" { // it would look encrypted
				return &exitError{code: exitUsage, err: errors.New("a backup whose name ends in .age is encrypted: give --recipient or --passphrase-file, or another name")}
			}
			folder, err := replicaFolder(home)
			if err != nil {
				return err
			}
			if opt.To, err = archive.Recipients(to, passphrase); err != nil {
				return err
			}
			if opt.Keys && len(opt.To) == 0 {
				return &exitError{code: exitUsage, err: errors.New("keys go into a backup only when it is encrypted: give --recipient or --passphrase-file")}
			}
			opt.Tar, opt.Show = strings.HasSuffix(opt.Path, ".tar"), progress(cmd, "backup")
			note, err := archive.WriteBackup(cmd.Context(), folder, opt, pieces(cmd.Context(), folder, control.VerbBackup))
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), note, func(w io.Writer) error {
				keys := "not in it: identity.json, signing.key and share.key are kept elsewhere, or this replica is lost with them"
				if note.Keys {
					keys = "in it, encrypted"
				}
				return table(w, [][]string{{"backup", opt.Path}, {"replica", note.Replica}, {"snapshot", fmt.Sprint("of height ", note.Height)},
					{"blocks", fmt.Sprint("up to height ", note.Tip)}, {"keys", keys}, {"votes", "not in it"}})
			})
		}}
	c.Flags().StringVar(&home, "home", ".", "the replica's folder")
	c.Flags().StringVar(&opt.Path, "out", "", "file or folder for the backup")
	c.Flags().BoolVar(&opt.Keys, "keys", false, "put the replica's keys into it; only when it is encrypted")
	c.Flags().StringArrayVar(&to, "recipient", nil, "public key of age for which it is encrypted; may be repeated")
	c.Flags().StringVar(&passphrase, "passphrase-file", "", "file with the passphrase with which it is encrypted; - for the standard input")
	return c
}

// newAddresses reads where the restored replica and others are now.
func newAddresses(listen string, peers []string) (archive.Addresses, error) {
	at := archive.Addresses{Listen: listen, Peers: map[string]string{}}
	if listen != "" {
		if err := checkAddress("--listen", listen); err != nil {
			return at, err
		}
	}
	for _, p := range peers {
		id, address, ok := strings.Cut(p, "=")
		if !ok {
			return at, &exitError{code: exitUsage, err: fmt.Errorf("--peer %q is not of the form ID=ADDRESS", p)}
		}
		if err := checkAddress("--peer "+id, address); err != nil {
			return at, err
		}
		at.Peers[id] = address
	}
	return at, nil
}

// checkAddress refuses what a replica could not listen at or connect to: it would be known
// only when it is started.
func checkAddress(flag, text string) error {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return &exitError{code: exitUsage, err: fmt.Errorf("%s: %q is not of the form HOST:PORT", flag, text)}
	}
	return nil
}

// restored is what `restore` prints.
type restored struct {
	Home    string   `json:"home"`
	Replica string   `json:"replica"`
	Height  uint64   `json:"height"`
	Tip     uint64   `json:"tip"`
	Missing []string `json:"missing_keys,omitempty"`
	Next    string   `json:"next"`
}

func restoreCommand(f *flags) *cobra.Command {
	var home, genesis, passphrase, listen string
	var verify bool
	var identities, peers []string
	c := &cobra.Command{Use: "restore BACKUP", Short: "Make a replica's folder of a backup", Args: cobra.ExactArgs(1),
		Long: `Check a backup and make a replica's folder of it. The replica's votes are lost: when it is
started it follows, and votes again when everything is settled for which it can have
voted. Never restore a replica that may still run elsewhere.`,
		Example: "  concordat restore replica-0.tar --home /srv/concordat/replica-0 --genesis genesis.json\n  concordat restore replica-0.age --home replica-0 --passphrase-file secret --listen 10.0.0.7:7000",
		RunE: func(cmd *cobra.Command, args []string) error {
			if home == "" {
				return &exitError{code: exitUsage, err: errors.New("say which folder to make: --home FOLDER")}
			}
			var trusted []byte
			if genesisPath(f, genesis) != "" {
				var err error
				if trusted, err = namedGenesis(f, genesis); err != nil {
					return err
				}
			}
			at, err := newAddresses(listen, peers)
			if err != nil {
				return err
			}
			keys, err := archive.Identities(identities, passphrase)
			if err != nil {
				return err
			}
			b, err := archive.OpenBackup(cmd.Context(), args[0], trusted, keys, verify, progress(cmd, "verifying"))
			if err != nil {
				return damaged(err)
			}
			defer func() { _ = b.Close() }() // only read
			missing, err := b.Restore(cmd.Context(), home, at, newLogger("error"))
			if err != nil {
				return damaged(err)
			}
			done := restored{Home: home, Replica: b.Note.Replica, Height: uint64(b.Note.Height), Tip: uint64(b.Note.Tip), Missing: missing,
				Next: "concordat replica run --home " + home}
			return f.render(cmd.OutOrStdout(), done, done.table)
		}}
	c.Flags().StringVar(&home, "home", "", "folder for the replica; it must not have a store")
	c.Flags().BoolVar(&verify, "verify", true, "check everything before anything is written")
	c.Flags().StringVar(&genesis, "genesis", "", "the ledger's genesis file; without it the backup's own is believed")
	c.Flags().StringArrayVar(&identities, "identity", nil, "file with a secret key of age that opens the backup; may be repeated")
	c.Flags().StringVar(&passphrase, "passphrase-file", "", "file with the passphrase that opens the backup; - for the standard input")
	c.Flags().StringVar(&listen, "listen", "", "address at which the restored replica listens; that of the backup when empty")
	c.Flags().StringArrayVar(&peers, "peer", nil, "ID=ADDRESS of a member that moved; may be repeated")
	return c
}

func (r restored) table(w io.Writer) error {
	rows := [][]string{{"replica", r.Replica}, {"folder", r.Home}, {"state", fmt.Sprint("of height ", r.Height)},
		{"blocks", fmt.Sprint("up to height ", r.Tip)}, {"votes", "lost: it follows until all for which it can have voted is settled"}}
	if len(r.Missing) > 0 {
		rows = append(rows, []string{"first", fmt.Sprintf("put %s into %s, readable by its owner only", strings.Join(r.Missing, ", "), r.Home)})
	}
	return table(w, append(rows, []string{"next", r.Next}))
}
