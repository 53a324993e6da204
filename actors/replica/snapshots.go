package replica

import (
	"context"
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
	freshDir    = "store.fresh"  // a snapshot that was installed, to replace the store
	beforeDir   = "store.before" // what a snapshot replaced, see keepPast
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

// Record implements catchup.Snapshots.
func (s *snapshots) Record(key []byte, h ledger.Height) ([]byte, bool, error) {
	return s.records.RecordAt(key, h)
}

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
	s.r.compareStates(in)
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
