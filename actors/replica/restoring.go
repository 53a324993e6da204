package replica

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// Trust is what a snapshot is checked against: the genesis file alone.
func Trust(genesis []byte) (*catchup.Config, error) {
	r, err := offline(genesis, "", nil)
	if err != nil {
		return nil, err
	}
	return &catchup.Config{Ledger: r.id, Public: r.public, ValidityMax: ledger.Time(r.genesis.Limits.ValidityMax)}, nil
}

// CheckVacant refuses a data folder in which a replica has worked: a snapshot must not take
// the place of something newer, and votes must not be taken for lost that are there.
func CheckVacant(dataDir string) error {
	for name, what := range map[string]string{storeDir: "a store", storeDir + ".old": "a store", beforeDir: "a store", freshDir: "a store", votesDir: "a vote log"} {
		_, err := os.Lstat(filepath.Join(dataDir, name))
		if err == nil {
			return fmt.Errorf("the folder %s has %s: a replica has worked there; start that one, or restore into another folder", dataDir, what)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Restore makes the data folder of a replica of a snapshot. The replica may have voted
// for anything since: the folder says first of all that its votes are lost, so that it
// follows and signs nothing until that is settled. The store comes last, as a whole. What
// an interruption left is no hindrance to another try.
//
// since gives agreed blocks above the snapshot; the replica executes them when it starts.
func Restore(ctx context.Context, genesis []byte, dataDir string, logger *slog.Logger, in *catchup.Snapshot,
	since func(keep func(h ledger.Height, raw []byte) error) error) error {
	if err := CheckVacant(dataDir); err != nil {
		return err
	}
	r, err := offline(genesis, dataDir, logger)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if r.quorum.N() > 1 { // a replica alone has nobody to follow
		if err := renameio.WriteFile(filepath.Join(dataDir, probationFile), []byte("0\n"), 0o600); err != nil {
			return fmt.Errorf("note the probation: %w", err)
		}
	}
	if err := r.started(); err != nil {
		return err
	}
	if err := syncFolder(dataDir); err != nil {
		return err
	}
	tail := storage.Incoming{Dir: filepath.Join(dataDir, restoredDir)}
	if err := tail.Clear(); err != nil {
		return err
	}
	if err := since(func(h ledger.Height, raw []byte) error { return tail.Put(restoredName(h), raw) }); err != nil {
		return err
	}
	if err := tail.Put(catchup.ManifestPiece, in.Manifest.Marshal()); err != nil {
		return err
	}
	if err := r.openSnapshots().Install(ctx, in); err != nil {
		return err
	}
	return r.replaceStore()
}

func restoredName(h ledger.Height) string { return fmt.Sprintf("block-%d", h) }

// restoredMax is how many of a backup's blocks are executed at once.
const restoredMax = 128

// restored gives what came with a backup: the manifest of its snapshot, and agreed blocks
// from a height on, so many at most. A file that is torn ends them: others have the block.
// All of it is forgotten when consensus has a checkpoint of its own, no block is left, and
// the store has those that were given.
func (r *instance) restored(from ledger.Height) (manifest []byte, blocks []*actorspb.AgreedBlock) {
	tail := storage.Incoming{Dir: filepath.Join(r.cfg.DataDir, restoredDir)}
	manifest, ok, err := tail.Get(catchup.ManifestPiece)
	if err != nil || !ok {
		return nil, nil // it was written last
	}
	for h := from; len(blocks) < restoredMax; h++ {
		raw, ok, err := tail.Get(restoredName(h))
		var b actorspb.AgreedBlock
		if err != nil || !ok || proto.Unmarshal(raw, &b) != nil {
			break
		}
		blocks = append(blocks, &b)
	}
	if tip, _ := r.store.Tip(); len(blocks) == 0 && from <= tip+1 && r.stable.Load() != nil {
		if err := tail.Clear(); err != nil {
			r.cfg.Logger.Warn("the blocks of a backup cannot be removed", "error", err)
		}
	}
	return manifest, blocks
}

func syncFolder(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- our folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
