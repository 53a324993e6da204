package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger/export"
	"github.com/concordat-ledger/concordat/node/audit"
)

// exported is what `ledger export` prints.
type exported struct {
	First        uint64 `json:"first_height"`
	Last         uint64 `json:"last_height"`
	Hash         string `json:"last_hash"`
	Transactions uint64 `json:"transactions"`
	Records      uint64 `json:"records"`
}

func ledgerExport(f *flags) *cobra.Command {
	var data, out, genesis string
	var progress, takeOver bool
	c := &cobra.Command{Use: "export", Short: "Write a stopped replica's ledger into one file", Args: cobra.NoArgs,
		Long: `Write genesis, all blocks with their certificates, and the state into one file that
'ledger verify' checks. The replica must be stopped; its folder is not changed. Blocks
below those with which the replica began are not in it.`,
		Example: "  concordat ledger export --data /srv/concordat/replica-0 --out ledger.export\n" +
			"  concordat ledger export --data /srv/concordat/replica-0 --out - | zstd > ledger.export.zst",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if data == "" || out == "" {
				return &exitError{code: exitUsage, err: errors.New("name the replica's folder with --data and the file with --out")}
			}
			if out != "-" {
				if err := replaceable(out, "--out"); err != nil {
					return err
				}
			}
			folder, err := audit.Find(data)
			if err != nil {
				return err
			}
			if genesis == "" {
				genesis = folder.Genesis
			}
			g, err := readGenesis(genesisPath(f, genesis))
			if err != nil {
				return fmt.Errorf("%w; name the file with --genesis", err)
			}
			src, err := audit.OpenStore(folder.Store, g.id, takeOver)
			if err != nil {
				return refusal(err)
			}
			show, wipe := newMeter(cmd.ErrOrStderr(), progress)
			end, err := writeExport(cmd.Context(), cmd.OutOrStdout(), out, g.raw, src, show)
			wipe()
			first, _ := src.Begin()
			if err := errors.Join(err, src.Close()); err != nil {
				return refusal(err)
			}
			to := cmd.OutOrStdout()
			if out == "-" {
				to = cmd.ErrOrStderr()
			}
			v := exported{uint64(first), uint64(end.Height), end.Hash.String(), end.Transactions, end.Records}
			return f.render(to, v, func(w io.Writer) error {
				return table(w, [][]string{{"blocks", fmt.Sprintf("%d to %d", v.First, v.Last)}, {"newest block", v.Hash},
					{"transactions", strconv.FormatUint(v.Transactions, 10)}, {"records", strconv.FormatUint(v.Records, 10)}})
			})
		}}
	c.Flags().StringVar(&data, "data", "", "the replica's folder")
	c.Flags().StringVar(&out, "out", "", "the file; - is the standard output")
	c.Flags().StringVar(&genesis, "genesis", "", "the genesis file; the replica's own when empty")
	c.Flags().BoolVar(&progress, "progress", false, "show progress even when it is not a terminal that sees it")
	c.Flags().BoolVar(&takeOver, "take-over", false, "let a store that was not closed in good order be written to")
	return c
}

// replaceable refuses, before the work, a name at which no file can be put: a folder, or
// what a file would take the place of, such as a device.
func replaceable(path, flag string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return &exitError{code: exitUsage, err: fmt.Errorf("%s is no file: name one with %s", path, flag)}
	}
	return nil
}

// writeExport leaves a whole file or none.
func writeExport(ctx context.Context, stdout io.Writer, out string, genesis []byte, src audit.Source, show func(audit.Progress)) (*export.End, error) {
	if out == "-" {
		return audit.Write(ctx, stdout, genesis, src, show)
	}
	file, err := renameio.NewPendingFile(out, renameio.WithPermissions(0o600))
	if err != nil {
		return nil, fmt.Errorf("write the export: %w", err)
	}
	defer func() { _ = file.Cleanup() }() // of a file that is in its place it does nothing
	end, err := audit.Write(ctx, &roomy{to: file, dir: filepath.Dir(out)}, genesis, src, show)
	if err != nil {
		return nil, err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return nil, fmt.Errorf("write the export: %w", err)
	}
	return end, nil
}

// roomEvery is how many bytes are written between two looks at the disk.
const roomEvery = 4 << 20

// roomy leaves a disk what a store on it needs: the export often stands beside one.
type roomy struct {
	to   io.Writer
	dir  string
	left int // may be written before the next look
}

func (r *roomy) Write(b []byte) (int, error) {
	if r.left -= len(b); r.left < 0 {
		// #nosec G115 -- a length
		if err := storage.CheckRoom(r.dir, 0, uint64(roomEvery+len(b))); err != nil {
			return 0, err
		}
		r.left = roomEvery
	}
	return r.to.Write(b)
}
