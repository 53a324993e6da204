package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/node/config"
)

// Store is the source that a stopped replica's folder is.
type Store struct {
	store   *storage.Store
	tip     ledger.Height
	next    ledger.Height
	records *storage.Placed
}

// Folder is what a named folder was found to be.
type Folder struct {
	Store   string // the store's own folder
	Genesis string // the file that the replica was started with; empty when there is none
}

// Find looks for a store: in a replica's folder, in its data folder, or the store itself.
// There is one already: whoever opens a folder without one for writing would found one.
func Find(dir string) (*Folder, error) {
	f, err := config.Open(dir)
	if err == nil {
		found := &Folder{Store: replica.StoreDir(f.DataDir()), Genesis: f.GenesisPath()}
		if !isStore(found.Store) {
			return nil, unreadable("%s is a node's folder, but there is no store in %s: has the replica ever run?", dir, found.Store)
		}
		return found, nil
	}
	for _, path := range []string{dir, replica.StoreDir(dir)} {
		if isStore(path) {
			return &Folder{Store: path}, nil
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, unreadable("%s: %w", dir, err)
	}
	return nil, unreadable("%s is neither a replica's folder nor a store", dir)
}

func isStore(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "FORMAT"))
	return err == nil
}

// OpenStore opens a store for reading. With takeOver it is opened as a replica does,
// which writes to it what a crash left undone.
func OpenStore(dir string, id ledger.ID, takeOver bool) (*Store, error) {
	open := storage.OpenReadOnly
	if takeOver {
		open = storage.Open
	}
	s, err := open(dir, storage.Options{Ledger: id})
	var foreign *storage.ForeignError
	switch {
	case errors.As(err, &foreign):
		return nil, chain.NewFault(0, chain.PartGenesis, "the store is of ledger %s, the trusted genesis is of %s", foreign.Found.Short(), id.Short())
	case errors.Is(err, storage.ErrUnclean):
		return nil, unreadable("%w; start and stop the replica, or let --take-over write to the folder", err)
	case err != nil:
		return nil, translate(err)
	}
	src := &Store{store: s, next: s.Base()}
	if src.tip, _ = s.Tip(); src.tip == 0 { // a replica that has not begun is no fault of the ledger
		return nil, errors.Join(unreadable("the store %s has no block yet", dir), s.Close())
	}
	return src, nil
}

// translate turns an error of the store into a fault if it speaks of damage.
func translate(err error) error {
	var c *storage.CorruptError
	if errors.Is(err, tree.ErrRecord) { // an audience was changed, so the record stands elsewhere
		return &chain.Fault{Part: chain.PartRecord, Index: chain.Unknown, Reason: err}
	}
	if !errors.As(err, &c) {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	piece, h, key := c.Piece()
	f := &chain.Fault{Height: h, Part: chain.PartBlock, Index: chain.Unknown, Reason: fmt.Errorf("the store is damaged here: %s", c.Reason)}
	switch piece {
	case storage.PieceTransactions:
		f.Part = chain.PartTransactions
	case storage.PieceResults:
		f.Part = chain.PartResults
	case storage.PieceCertificate:
		f.Part = chain.PartExecution
	case storage.PieceRecord:
		f.Part, f.Key = chain.PartRecord, key
	}
	return f
}

// Kind implements Source.
func (s *Store) Kind() string { return "replica folder" }

// Begin implements Source.
func (s *Store) Begin() (ledger.Height, ledger.Hash) {
	before, err := s.store.CommandsBefore(s.store.Base())
	if err != nil {
		return s.store.Base(), ledger.Hash{} // the base's is kept in memory
	}
	return s.store.Base(), before
}

// Next implements Source.
func (s *Store) Next() (*Block, error) {
	if s.next > s.tip {
		return nil, io.EOF
	}
	b, err := s.block(s.next)
	if err == nil {
		s.next++
	}
	return b, err
}

// Again implements Source.
func (s *Store) Again(at Position) (*Block, error) {
	s.next = at.Height
	if at.Height < s.store.Base() || at.Height > s.tip {
		return nil, unreadable("it has no block %d", at.Height)
	}
	return s.Next()
}

func (s *Store) block(h ledger.Height) (*Block, error) {
	b, err := s.store.Block(h)
	pruned := errors.Is(err, storage.ErrPruned)
	if pruned {
		b, err = s.store.Head(h)
	}
	if err != nil {
		return nil, translate(err)
	}
	cert, _, err := s.store.Certificate(h)
	if err != nil {
		return nil, translate(err)
	}
	out := &Block{Block: chain.Block{Height: h, Header: b.Header, Commit: b.Commit, Outcome: b.Outcome, Certificate: cert,
		Txs: b.Txs, Results: b.Results, Commands: b.CommandsSum, Pruned: pruned}, At: Position{Height: h}}
	if header, err := ledger.ParseHeader(b.Header); err == nil && header.Hash() != b.Hash {
		return nil, chain.NewFault(h, chain.PartHeader, "its hash is %s, the store knows it as %s", header.Hash().Short(), b.Hash.Short())
	}
	return out, nil
}

// lookback is how far below the newest block one with a certificate is looked for:
// beyond what the rules allow to be without.
const lookback = 1 << 16

// stateHeight is the newest block that has a certificate, if the state after it is still
// there, and the newest block otherwise.
func (s *Store) stateHeight() (ledger.Height, error) {
	for h := s.tip; h >= s.store.Base() && s.tip-h < lookback; h-- {
		_, ok, err := s.store.Certificate(h)
		if err != nil {
			return 0, translate(err)
		}
		if !ok {
			continue
		}
		it, err := s.store.Scan(nil, nil, h, false)
		if errors.Is(err, storage.ErrPruned) {
			break
		}
		if err != nil {
			return 0, translate(err)
		}
		it.Close()
		return h, nil
	}
	return s.tip, nil
}

// State implements Source.
func (s *Store) State() (ledger.Height, chain.Record, error) {
	at, err := s.stateHeight()
	if err != nil {
		return 0, nil, err
	}
	if s.records, err = s.store.Placed(at); err != nil {
		return 0, nil, translate(err)
	}
	return at, func() (key, record []byte, ok bool, err error) {
		if s.records.Next() {
			return s.records.Key(), s.records.Value(), true, nil
		}
		if err := s.records.Err(); err != nil {
			return nil, nil, false, stateFault(translate(err), at)
		}
		return nil, nil, false, nil
	}, nil
}

// stateFault says of a record that is damaged in which state it is: the store knows
// only when it was written.
func stateFault(err error, at ledger.Height) error {
	var f *chain.Fault
	if errors.As(err, &f) && f.Part == chain.PartRecord {
		f.Height = at
	}
	return err
}

// Finish implements Source.
func (s *Store) Finish(m *chain.Summary) error {
	if height, hash := s.store.Tip(); m.Height != height || m.Hash != hash {
		return chain.NewFault(m.Height, chain.PartHeader, "its hash is %s, the store says that its newest block is %s", m.Hash.Short(), hash.Short())
	}
	return nil
}

// Done implements Source.
func (s *Store) Done() (done, total uint64) {
	return uint64(s.next - s.store.Base()), uint64(s.tip - s.store.Base() + 1)
}

// Close implements Source.
func (s *Store) Close() error {
	if s.records != nil {
		s.records.Close()
	}
	return s.store.Close()
}
