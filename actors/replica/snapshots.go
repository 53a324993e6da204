package replica

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
)

// snapshots does with the disk what catching up needs.
type snapshots struct {
	storage.Incoming
	r       *instance
	records *records
}

// Folders beside the store.
const (
	storeDir    = "store"
	freshDir    = "store.fresh" // a snapshot that was installed, to replace the store
	incomingDir = "incoming"
	votesDir    = "votes"
	restoredDir = "restored" // blocks of a backup above its snapshot, to be executed
)

// StoreDir is where a replica with that data folder keeps its blocks and its state.
func StoreDir(dataDir string) string { return filepath.Join(dataDir, storeDir) }

func (r *instance) openSnapshots() *snapshots {
	return &snapshots{Incoming: storage.Incoming{Dir: filepath.Join(r.cfg.DataDir, incomingDir), FreeBytesMin: r.cfg.FreeBytesMin}, r: r, records: r.records}
}

func (r *instance) storeOptions() storage.Options {
	return storage.Options{Ledger: r.id, Logger: r.cfg.Logger, Sync: true, FreeBytesMin: r.cfg.FreeBytesMin}
}

// replaceStore puts an installed snapshot in the place of the store, unless the store
// has come further meanwhile. A store that cannot be read any more gives way.
func (r *instance) replaceStore() error {
	dir, fresh := filepath.Join(r.cfg.DataDir, storeDir), filepath.Join(r.cfg.DataDir, freshDir)
	if _, err := os.Stat(fresh); err == nil {
		theirs, err := tipOf(fresh, r.storeOptions())
		var damaged *storage.CorruptError
		var foreign *storage.ForeignError
		if err != nil && !errors.As(err, &damaged) && !errors.As(err, &foreign) {
			return err
		}
		if err != nil {
			r.cfg.Logger.Warn("an installed snapshot cannot be read and is removed", "error", err)
			if err := os.RemoveAll(fresh); err != nil {
				return err
			}
			return storage.Replace(dir, fresh)
		}
		mine, err := ledger.Height(0), error(nil)
		if _, missing := os.Stat(dir); missing == nil {
			mine, err = tipOf(dir, r.storeOptions())
		}
		switch {
		case err != nil && !errors.As(err, &damaged):
			return err
		case err == nil && mine >= theirs:
			return os.RemoveAll(fresh)
		case err != nil || mine > 0:
			r.carryHeld(dir, fresh)
		}
	}
	if err := storage.Replace(dir, fresh); err != nil {
		return fmt.Errorf("take over a snapshot: %w", err)
	}
	return nil
}

func tipOf(dir string, opt storage.Options) (ledger.Height, error) {
	s, err := storage.Open(dir, opt)
	if err != nil {
		return 0, err
	}
	tip, _ := s.Tip()
	return tip, s.Close()
}

// Open implements catchup.Snapshots.
func (s *snapshots) Open(h ledger.Height) (catchup.State, error) { return s.records.Serve(h) }

// Head implements catchup.Snapshots.
func (s *snapshots) Head(h ledger.Height) (*snapshot.Manifest, error) {
	header, err := s.records.header(h)
	if err != nil {
		return nil, err
	}
	outcome, err := s.records.Outcome(h)
	if err != nil {
		return nil, err
	}
	sum, err := s.records.CommandsSum(h)
	return &snapshot.Manifest{Header: *header, Outcome: *outcome, Commands: sum}, err
}

// Whole implements catchup.Snapshots.
func (s *snapshots) Whole(h ledger.Height) (*actorspb.AgreedBlock, error) {
	b, err := s.records.Store.Block(h)
	if err != nil {
		return nil, err
	}
	cert, _, err := s.records.Certificate(h)
	if err != nil {
		return nil, err
	}
	before, err := s.records.CommandsBefore(h)
	if err != nil {
		return nil, err
	}
	return &actorspb.AgreedBlock{Header: b.Header, Txs: b.Txs, Commit: b.Commit, Certificate: cert, Outcome: b.Outcome,
		Results: b.Results, CommandsBefore: before[:]}, nil
}

// Base implements catchup.Snapshots.
func (s *snapshots) Base() ledger.Height { return s.records.Base() }

// Restart implements catchup.Snapshots.
func (s *snapshots) Restart() { s.r.owner.restart(s.r) }

// Install implements catchup.Snapshots.
func (s *snapshots) Install(_ context.Context, in *catchup.Snapshot) error {
	commit := wholeCommit(in.Agreed, in.Block, in.Manifest.Commands)
	for _, c := range in.Commands {
		commit.Commands = append(commit.Commands, storage.Command{Key: c.Key, Height: c.Place.Height, Index: c.Place.Index, Expires: c.Expires})
	}
	st := certificate.ExecutionStatement{Ledger: s.r.id, Height: commit.Height, Block: commit.BlockHash,
		StateRoot: in.Block.Outcome.StateRoot, ResultsRoot: in.Block.Outcome.ResultsRoot}
	cert := in.Agreed.GetCertificate()
	if s.r.public.Execution().Verify(st, cert) != nil {
		cert = nil // it is not there yet, or somebody lied; it can be formed anew
	}
	return storage.Install(filepath.Join(s.r.cfg.DataDir, freshDir), s.r.storeOptions(), commit, cert, in.Records)
}

// PutOlder implements catchup.Snapshots.
func (s *snapshots) PutOlder(b *actorspb.AgreedBlock, block *snapshot.Block, sum ledger.Hash) error {
	return s.records.PutOlder(wholeCommit(b, block, sum), b.GetCertificate())
}

func wholeCommit(b *actorspb.AgreedBlock, block *snapshot.Block, sum ledger.Hash) *storage.BlockCommit {
	out := &storage.BlockCommit{Height: block.Header.Height, BlockHash: block.Header.Hash(), CommandsSum: sum,
		Header: b.GetHeader(), Commit: b.GetCommit(), Outcome: b.GetOutcome(), Txs: b.GetTxs(), Results: b.GetResults()}
	copy(out.CommandsBefore[:], b.GetCommandsBefore())
	for _, r := range block.Results {
		out.TxIDs = append(out.TxIDs, r.TxID)
	}
	return out
}
