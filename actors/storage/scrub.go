package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/concordat-ledger/concordat/actors/storage/pagelog"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// Scrubber reads everything in the store, again and again, in small steps: what nobody
// reads would otherwise be found damaged only when it is needed. It is for one
// goroutine; the store is used meanwhile as ever.
type Scrubber struct {
	store     *Store
	certified func(certificate.ExecutionStatement, []byte) error
	phase     int
	tables    []uint64 // that are still to be read in this pass
	table     *sstable
	block     int           // of the table
	height    ledger.Height // the next block, or list of changes
	above     *ledger.Header
	sum       ledger.Hash // of the commands up to the block before, if it is known
	page      uint64      // the next one
	place     []byte      // the next leaf, or record
	view      *scrubView
}

// scrubView is the state tree as of a height. It is held for a while only: what is
// held cannot be pruned.
type scrubView struct {
	at    ledger.Height
	tree  *tree.Tree
	since time.Time
}

const (
	scrubViewFor   = time.Minute
	scrubBytes     = 64 << 10 // about as much is read in a step
	certifiedEvery = 16       // of so many certificates one is verified in a pass
)

// NewScrubber begins a pass. certified verifies an execution certificate.
func (s *Store) NewScrubber(certified func(certificate.ExecutionStatement, []byte) error) *Scrubber {
	return &Scrubber{store: s, certified: certified}
}

// Step reads a little, and tells how many bytes, and whether a pass is complete; the
// next step then begins another. What is damaged is noted in the store. An error means
// that the store is closed or the machine fails, and that the step is to be tried again.
func (c *Scrubber) Step() (read int64, complete bool, err error) {
	steps := []func() (int64, bool, error){c.stepTables, c.stepBlocks, c.stepPages, c.stepLeaves, c.stepRecords, c.stepPlaces, c.stepMarks}
	read, over, err := steps[c.phase]()
	var damaged *CorruptError
	if errors.As(err, &damaged) || errors.Is(err, tree.ErrPage) {
		err = nil // it is noted
	}
	if err != nil || !over {
		return read, false, err
	}
	c.phase = (c.phase + 1) % len(steps)
	c.table, c.tables, c.height, c.above, c.page, c.place = nil, nil, 0, nil, 0, nil
	c.release()
	return read, c.phase == 0, nil
}

// Close lets go of what is held.
func (c *Scrubber) Close() { c.release() }

func (c *Scrubber) release() {
	if c.view != nil {
		c.store.pins.remove(c.view.at)
		c.view = nil
	}
}

// stepTables reads a block of one of Badger's tables: its checksum, its layout, and all
// values in it, old versions too.
func (c *Scrubber) stepTables() (int64, bool, error) {
	s := c.store
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return 0, false, ErrClosed
	}
	if c.tables == nil {
		tables, err := s.listTables()
		if err != nil {
			return 0, true, err
		}
		c.tables = []uint64{0} // an end, so that it is not nil
		for _, t := range tables {
			c.tables = append(c.tables, t.ID)
		}
	}
	id := c.tables[len(c.tables)-1]
	if id == 0 {
		return 0, true, nil
	}
	var err error
	var raw []byte
	if c.table == nil {
		c.block = 0
		c.table, err = openTable(tablePath(s.guard.dir, id))
	}
	if err == nil && c.block < len(c.table.blocks) {
		raw, err = c.table.readBlock(c.block)
		if err == nil {
			err = s.scrubBlock(raw)
		}
		c.block++
	}
	gone := s.guard.gone(id, err)
	if err != nil && !gone && !errors.Is(err, errUnmended) {
		err = s.tableError(id, err)
	} else {
		err = nil
	}
	if c.table == nil || gone || c.block >= len(c.table.blocks) {
		c.table, c.tables = nil, c.tables[:len(c.tables)-1]
	}
	return int64(len(raw)), false, err
}

// scrubBlock checks what a block of a table says, and what stands in it.
func (s *Store) scrubBlock(raw []byte) error {
	if blockHolds(raw) != nil {
		return s.explained(raw)
	}
	entries, err := parseBlock(raw)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		if e.framed == nil {
			continue
		}
		if _, bad := unframe(e.key, e.framed, e.version); bad != nil && !s.needless(e.key, e.version) {
			_ = s.noted(bad)
		}
	}
	return nil
}

// stepBlocks reads a block, from the oldest to the newest.
func (c *Scrubber) stepBlocks() (int64, bool, error) {
	s := c.store
	tip, hash := s.Tip()
	if base := s.Base(); c.height < base {
		c.height, c.above, c.sum = base, nil, s.base.Load().before
	}
	if c.height > tip {
		return 0, true, nil
	}
	h := c.height
	c.height++
	if s.gone(h) != nil {
		return c.stepPruned(h)
	}
	b, err := s.Block(h)
	if err != nil && s.gone(h) != nil { // since it was looked at
		return 0, false, nil
	}
	var cert []byte
	if err == nil {
		cert, _, err = s.Certificate(h)
	}
	before := c.above
	c.above = nil
	if err != nil {
		return 0, false, err
	}
	read := int64(len(b.Header) + len(b.Outcome) + len(cert))
	for i := range b.Txs {
		read += int64(len(b.Txs[i]) + len(b.Results[min(i, len(b.Results)-1)]))
	}
	whole, err := c.checkBlock(b, cert, before)
	if err == nil && h == tip && b.Hash != hash {
		err = errors.New("it is not the newest block")
	}
	if err != nil {
		s.Note(Finding{Kind: DamagedBlock, Height: h, Reason: err.Error()})
		return read, false, nil
	}
	c.above, c.sum = &whole.Header, b.CommandsSum
	return read, false, s.checkIndex(b, whole)
}

// stepPruned reads what is left of a block.
func (c *Scrubber) stepPruned(h ledger.Height) (int64, bool, error) {
	s := c.store
	before := c.above
	c.above = nil
	b, err := s.Head(h)
	var header *ledger.Header
	if err == nil {
		_, _, err = s.Certificate(h)
	}
	if err != nil {
		return 0, false, err
	}
	if header, err = ledger.ParseHeader(b.Header); err == nil {
		_, err = ledger.ParseOutcome(b.Outcome)
	}
	switch {
	case err != nil:
	case header.Height != h || header.Hash() != b.Hash:
		err = errors.New("the header is not that of the block")
	case before != nil && header.Parent != before.Hash():
		err = errors.New("it does not follow the block before")
	}
	if err != nil {
		s.Note(Finding{Kind: DamagedBlock, Height: h, Reason: err.Error()})
		return 0, false, nil
	}
	c.above, c.sum = header, b.CommandsSum
	return int64(len(b.Header) + len(b.Outcome) + len(b.Commit)), false, nil
}

// checkBlock checks that a block is what its header says, and follows the one before.
func (c *Scrubber) checkBlock(b *StoredBlock, cert []byte, before *ledger.Header) (*snapshot.Block, error) {
	whole, err := snapshot.NewBlock(b.Header, b.Outcome, b.Txs, b.Results)
	if err != nil {
		return nil, err
	}
	switch h := &whole.Header; {
	case h.Height != b.Height || h.Hash() != b.Hash:
		return nil, errors.New("the header is not that of the block")
	case before != nil && h.Parent != before.Hash():
		return nil, errors.New("it does not follow the block before")
	case (before != nil || b.Height == c.store.Base()) && ledger.CommandsDigest(c.sum, h.Height, h.Time, whole.Commands.Commands) != b.CommandsSum:
		return nil, errors.New("the digest of its commands is another")
	}
	// #nosec G115 -- after 1970
	if len(cert) == 0 || c.certified == nil || uint64(b.Height)%certifiedEvery != uint64(time.Now().Unix())%certifiedEvery {
		return whole, nil
	}
	return whole, c.certified(statement(whole), cert)
}

func statement(b *snapshot.Block) certificate.ExecutionStatement {
	return certificate.ExecutionStatement{Ledger: b.Header.Ledger, Height: b.Header.Height, Block: b.Header.Hash(),
		StateRoot: b.Outcome.StateRoot, ResultsRoot: b.Outcome.ResultsRoot}
}

// checkIndex looks for what leads to a block: its hash, its transactions, and those of its
// commands that still count. What is missing of a block that is pruned meanwhile has gone
// with it.
func (s *Store) checkIndex(b *StoredBlock, whole *snapshot.Block) error {
	bad := func(reason string) {
		if s.gone(b.Height) == nil {
			s.Note(Finding{Kind: DamagedIndex, Height: b.Height, Reason: reason})
		}
	}
	at, ok, err := s.LocateBlock(b.Hash)
	if err != nil {
		return err
	}
	if !ok || at != b.Height {
		bad("the block is not found by its hash")
	}
	for i, r := range whole.Results {
		at, _, ok, err := s.LocateTx(r.TxID)
		if err != nil {
			return err
		}
		if !ok || at < b.Height {
			bad(fmt.Sprintf("transaction %d is not found by its id", i))
			break
		}
	}
	now, err := s.tipTime()
	if err != nil {
		return err
	}
	for _, cmd := range whole.Commands.Commands {
		if cmd.Expires < now {
			continue
		}
		have, ok, err := s.LocateCommand(cmd.Key)
		if err != nil {
			return err
		}
		if !ok || have.Height < b.Height {
			s.Note(Finding{Kind: DamagedCommand, Key: string(cmd.Key[:]), Reason: "it is missing"})
		}
	}
	return nil
}

func (s *Store) tipTime() (ledger.Time, error) {
	tip, _ := s.Tip()
	raw, err := s.Header(tip)
	if err != nil {
		return 0, err
	}
	h, err := ledger.ParseHeader(raw)
	if err != nil {
		return 0, s.noted(corrupt(heightKey(kindBlock, tip), uint64(tip), err.Error()))
	}
	return h.Time, nil
}

// stepPages reads the pages that the last flush needs, or some more: those among them that
// were written again since.
func (c *Scrubber) stepPages() (int64, bool, error) {
	s := c.store
	f, err := s.lastFlush(math.MaxUint64)
	if err != nil || f.end == 0 {
		return 0, true, err
	}
	c.page = max(c.page, s.needed.Load(), pagelog.First(1))
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return 0, false, ErrClosed
	}
	next, read, err := s.pages.Check(c.page, f.end, scrubBytes)
	if err != nil {
		s.pageNoted(max(c.page, s.needed.Load()), err)
		if next > c.page {
			err = nil // of a machine that fails nothing is read for now
		}
	}
	c.page = next
	return int64(read), c.page >= f.end, err
}

// look gives the state tree as of about now.
func (c *Scrubber) look() (*scrubView, error) {
	if c.view != nil && time.Since(c.view.since) < scrubViewFor {
		return c.view, nil
	}
	c.release()
	s := c.store
	tip, _ := s.Tip()
	if tip == 0 {
		return nil, nil
	}
	v := &scrubView{at: tip, since: time.Now()}
	s.pins.add(tip)
	err := s.Retained(tip)
	if err == nil {
		v.tree, err = s.Tree(tip)
	}
	if err == nil {
		err = s.checkRoot(v)
	}
	if err != nil {
		s.pins.remove(tip)
		return nil, s.treeNoted(err)
	}
	c.view = v
	return v, nil
}

func (s *Store) checkRoot(v *scrubView) error {
	b, err := s.record(v.at)
	if err != nil {
		return err
	}
	o, err := ledger.ParseOutcome(b.Outcome)
	if err != nil {
		return s.noted(corrupt(heightKey(kindBlock, v.at), uint64(v.at), err.Error()))
	}
	if v.tree.Root() != o.StateRoot {
		return fmt.Errorf("%w: it has another root", tree.ErrPage)
	}
	return nil
}

// treeNoted notes that pages of the tree are damaged.
func (s *Store) treeNoted(err error) error {
	if errors.Is(err, tree.ErrPage) {
		s.Note(Finding{Kind: DamagedTree, Reason: err.Error()})
	}
	return err
}

var errEnough = errors.New("enough for this step")

// stepLeaves compares records with the leaves of the tree: none is missing.
func (c *Scrubber) stepLeaves() (read int64, over bool, err error) {
	v, err := c.look()
	if err != nil || v == nil {
		return 0, true, err
	}
	s := c.store
	err = v.tree.Walk(c.place, nil, func(place []byte, leaf ledger.Hash) error {
		if read >= scrubBytes {
			return errEnough
		}
		c.place = append(bytes.Clone(place), 0)
		key, err := state.KeyOf(place)
		if err != nil {
			return err
		}
		raw, found, err := s.Get(key, v.at)
		read += int64(len(key) + len(raw))
		var damaged *CorruptError
		switch {
		case errors.As(err, &damaged): // it is noted
		case err != nil:
			return err
		case !found || state.LeafHash(place, state.RecordHash(raw)) != leaf:
			s.Note(Finding{Kind: DamagedRecord, Key: string(key), Reason: "the record is not the one in the state tree"})
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return read, false, nil
	}
	return read, true, s.treeNoted(err)
}

// stepRecords compares the leaves of the tree with records: there is none that should
// not be there.
func (c *Scrubber) stepRecords() (read int64, over bool, err error) {
	v, err := c.look()
	if err != nil || v == nil {
		return 0, true, err
	}
	it, err := c.store.Scan(c.place, nil, v.at, false)
	if err != nil {
		return 0, true, err
	}
	defer it.Close()
	for it.Next() {
		c.place = append(bytes.Clone(it.Key()), 0)
		read += int64(len(it.Key()) + len(it.Value()))
		place, err := state.PlaceOf(it.Key(), it.Value())
		if err == nil {
			_, ok, lookup := v.tree.Leaf(place)
			if lookup != nil {
				return read, true, c.store.treeNoted(lookup)
			}
			if !ok {
				err = errors.New("the state has no such record")
			}
		}
		if err != nil {
			c.store.Note(Finding{Kind: DamagedRecord, Key: string(it.Key()), Reason: err.Error()})
		}
		if read >= scrubBytes {
			return read, false, nil
		}
	}
	return c.passBy(it, read)
}

// passBy goes on behind a record that cannot be read.
func (c *Scrubber) passBy(it *Iterator, read int64) (int64, bool, error) {
	var damaged *CorruptError
	if errors.As(it.Err(), &damaged) && len(damaged.Key) > 0 && damaged.Key[0] == kindState && string(damaged.Key[1:]) >= string(c.place) {
		c.place = append(bytes.Clone(damaged.Key[1:]), 0)
		return read, false, nil
	}
	return read, true, it.Err()
}

// stepPlaces reads the lists of changes of the heights whose state can be read.
func (c *Scrubber) stepPlaces() (read int64, over bool, err error) {
	s := c.store
	tip, _ := s.Tip()
	c.height = max(c.height, ledger.Height(s.pruned.Load())+1, s.Base())
	for ; c.height <= tip && read < scrubBytes; c.height++ {
		places, err := s.Changed(c.height)
		if err != nil {
			c.height++
			return read, false, err
		}
		read += 64
		for _, p := range places {
			read += int64(len(p))
		}
	}
	return read, c.height > tip, nil
}

// stepMarks reads the few values that say where the store stands.
func (c *Scrubber) stepMarks() (read int64, over bool, err error) {
	for _, key := range [][]byte{tipKey, baseKey, prunedKey, floorKey, partsKey, treeKey} {
		raw, _, bad := c.store.maybe(key)
		read, err = read+int64(len(raw)), errors.Join(err, bad)
	}
	return read, true, err
}
