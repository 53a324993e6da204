package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/node/archive"
	"github.com/concordat-ledger/concordat/node/config"
	"github.com/concordat-ledger/concordat/node/control"
)

// snapshotsFolder is where a replica's snapshots are, in its folder.
const snapshotsFolder = "snapshots"

func snapshotCommand(f *flags) *cobra.Command {
	c := &cobra.Command{Use: "snapshot", Short: "Take, list and verify certified snapshots of a ledger's state",
		Long: `A snapshot is the state after a certified checkpoint, in the very pieces that replicas
serve each other, with everything that proves it: whoever has the genesis file can verify
it, and a replica can begin with it. It is taken while the replica runs, or while it is
stopped.`}
	c.AddCommand(snapshotCreate(f), snapshotList(f), snapshotVerify(f), snapshotDelete())
	return c
}

// pieces gives what the replica of a folder has, running or not.
func pieces(ctx context.Context, folder *config.Folder, verb control.Verb) archive.Stream {
	return func(put func(name string, raw []byte) error) error {
		err := control.Ask(ctx, folder.Dir, verb, put)
		if !errors.Is(err, control.ErrNotRunning) {
			return err
		}
		stopped, err := replica.OpenStopped(folder.Genesis, folder.DataDir(), newLogger("error"))
		if err != nil {
			return err
		}
		t, err := stopped.Snapshot(ctx)
		if err == nil {
			err = errors.Join(control.All(t, verb, put), t.Close())
		}
		return errors.Join(err, stopped.Close())
	}
}

// progress shows on the terminal's side how far something is that takes over a second.
func progress(cmd *cobra.Command, what string) archive.Progress {
	begun := time.Now()
	last := begun
	return func(done, of int) {
		if now := time.Now(); now.Sub(last) >= time.Second {
			last = now
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d of about %d pieces\n", what, done, of)
		}
	}
}

// created is what `snapshot create` prints.
type created struct {
	archive.Snapshot
	Fresh   bool     `json:"fresh"`
	Deleted []string `json:"deleted,omitempty"`
}

func snapshotCreate(f *flags) *cobra.Command {
	var home, out string
	var tar bool
	var keep int
	c := &cobra.Command{Use: "create", Short: "Write a snapshot of the newest certified checkpoint", Args: cobra.NoArgs,
		Example: "  concordat snapshot create --home /srv/concordat/replica-0 --keep 7",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if keep < 0 {
				return &exitError{code: exitUsage, err: errors.New("--keep needs a number above zero; without it all snapshots stay")}
			}
			folder, err := replicaFolder(home)
			if err != nil {
				return err
			}
			dir := out
			if dir == "" {
				dir = filepath.Join(home, snapshotsFolder)
			}
			s, fresh, err := archive.WriteSnapshot(cmd.Context(), dir, folder.Genesis, tar, pieces(cmd.Context(), folder, control.VerbSnapshot), progress(cmd, "snapshot"))
			if err != nil {
				return err
			}
			// What was written is read again: a disk that lies is known now, not when it is needed.
			s, err = archive.VerifySnapshot(cmd.Context(), s.Path, folder.Genesis, progress(cmd, "verifying"))
			if err != nil {
				return damaged(err)
			}
			done := created{Snapshot: *s, Fresh: fresh}
			if keep > 0 {
				if done.Deleted, err = archive.KeepSnapshots(cmd.Context(), dir, folder.Genesis, keep, s.Path); err != nil {
					return err
				}
			}
			return f.render(cmd.OutOrStdout(), done, func(w io.Writer) error {
				rows := snapshotRows(s)
				if !fresh {
					rows = append(rows, []string{"note", "it was there already: no checkpoint has been certified since"})
				}
				for _, path := range done.Deleted {
					rows = append(rows, []string{"deleted", path})
				}
				return table(w, rows)
			})
		}}
	c.Flags().StringVar(&home, "home", ".", "the replica's folder")
	c.Flags().StringVar(&out, "out", "", "folder for the snapshot; the folder snapshots of the replica when empty")
	c.Flags().BoolVar(&tar, "tar", false, "write one tar file instead of a folder")
	c.Flags().IntVar(&keep, "keep", 0, "delete older snapshots in that folder until so many are left; 0: delete none")
	return c
}

// replicaFolder reads the folder of a replica.
func replicaFolder(home string) (*config.Folder, error) {
	folder, err := config.Load(home)
	if err != nil {
		return nil, err
	}
	if folder.ShareKey == nil {
		return nil, fmt.Errorf("the folder %s is not that of a replica", home)
	}
	return folder, nil
}

func snapshotRows(s *archive.Snapshot) [][]string {
	return [][]string{{"snapshot", s.Path}, {"height", fmt.Sprint(s.Height)}, {"time", s.Time.Format(time.RFC3339)},
		{"state", fmt.Sprintf("%d records in %d parts", s.Records, s.Parts)}, {"bytes", fmt.Sprint(s.Bytes)},
		{"certified", yes(s.Certified)}, {"verified", yes(s.Verified)}}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// damaged gives a piece that does not hold the exit code of what does not verify.
func damaged(err error) error {
	var d *archive.DamageError
	if errors.As(err, &d) {
		return &exitError{code: exitUnverified, err: err}
	}
	return err
}

func snapshotList(f *flags) *cobra.Command {
	var home, dir string
	var check bool
	c := &cobra.Command{Use: "list", Short: "List the snapshots of a folder", Args: cobra.NoArgs,
		Example: "  concordat snapshot list --home /srv/concordat/replica-0 --verify",
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, err := replicaFolder(home)
			if err != nil {
				return err
			}
			own := dir == ""
			if own {
				dir = filepath.Join(home, snapshotsFolder)
			}
			all, err := archive.ListSnapshots(cmd.Context(), dir, folder.Genesis, check)
			if own && errors.Is(err, fs.ErrNotExist) { // none was taken yet
				all, err = []archive.Snapshot{}, nil
			}
			if err != nil {
				return err
			}
			return f.render(cmd.OutOrStdout(), all, func(w io.Writer) error {
				rows := [][]string{{"HEIGHT", "TIME", "BYTES", "CERTIFIED", "VERIFIED", "SNAPSHOT"}}
				for _, s := range all {
					verified := yes(s.Verified)
					if !check && s.Problem == "" {
						verified = "not asked"
					}
					rows = append(rows, []string{fmt.Sprint(s.Height), s.Time.Format(time.RFC3339), fmt.Sprint(s.Bytes), yes(s.Certified), verified, filepath.Base(s.Path)})
				}
				for _, s := range all {
					if s.Problem != "" {
						rows = append(rows, []string{"problem:", s.Problem})
					}
				}
				return table(w, rows)
			})
		}}
	c.Flags().StringVar(&home, "home", ".", "the replica's folder")
	c.Flags().StringVar(&dir, "out", "", "the folder with the snapshots; the folder snapshots of the replica when empty")
	c.Flags().BoolVar(&check, "verify", false, "verify each as a whole, which takes as long as reading it")
	return c
}

func snapshotVerify(f *flags) *cobra.Command {
	var genesis string
	c := &cobra.Command{Use: "verify SNAPSHOT", Short: "Check a snapshot offline, against the genesis file alone", Args: cobra.ExactArgs(1),
		Example: "  concordat snapshot verify snapshots/snapshot-000000001488 --genesis genesis.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := namedGenesis(f, genesis)
			if err != nil {
				return err
			}
			s, err := archive.VerifySnapshot(cmd.Context(), args[0], raw, progress(cmd, "verifying"))
			if err != nil {
				return damaged(err)
			}
			return f.render(cmd.OutOrStdout(), s, func(w io.Writer) error { return table(w, snapshotRows(s)) })
		}}
	c.Flags().StringVar(&genesis, "genesis", "", "the ledger's genesis file")
	return c
}

func snapshotDelete() *cobra.Command {
	return &cobra.Command{Use: "delete SNAPSHOT", Short: "Delete a snapshot", Args: cobra.ExactArgs(1),
		Example: "  concordat snapshot delete snapshots/snapshot-000000001488",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := archive.DeleteSnapshot(args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "deleted", args[0])
			return err
		}}
}
