package storage

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/concordat-ledger/concordat/ledger"
)

// Kind of what is damaged.
type Kind uint8

// What can be damaged, in the order of who can mend it: a block and a record of the
// state come from another replica; entries of the index, the duplicate window, places,
// the state tree and marks are made anew from the rest; of a table nobody can say which
// keys it has lost, and the whole store is fetched anew.
const (
	DamagedBlock   Kind = iota + 1 // Height
	DamagedRecord                  // Key, without its kind, and Height: the version
	DamagedIndex                   // Height of the block whose entries are wrong; 0: Key is all there is
	DamagedCommand                 // Key
	DamagedPlaces                  // Height
	DamagedTree
	DamagedMark // Key
	DamagedTable
	DamagedHeld // Height: a transaction that outlived its block, which nobody else need have
)

// String names the kind for operators.
func (k Kind) String() string {
	return [...]string{"nothing", "block", "state record", "index entry", "command", "list of changes", "state tree", "mark", "table", "held transaction of block"}[min(int(k), 9)]
}

// Finding is one piece of damage.
type Finding struct {
	Kind   Kind
	Height ledger.Height
	Key    string
	Reason string
}

// String says what is damaged, and where.
func (f Finding) String() string {
	switch f.Kind {
	case DamagedBlock, DamagedPlaces, DamagedHeld:
		return fmt.Sprintf("%s %d: %s", f.Kind, f.Height, f.Reason)
	case DamagedTree, DamagedTable:
		return fmt.Sprintf("%s: %s", f.Kind, f.Reason)
	default:
		return fmt.Sprintf("%s %q of height %d: %s", f.Kind, f.Key, f.Height, f.Reason)
	}
}

// Damaged marks the error for those who must wait for the repair instead of failing.
func (e *CorruptError) Damaged() bool { return true }

// keyBytes is how long keys are, where all of a kind are as long.
var keyBytes = map[byte]int{kindBlock: 9, kindTxs: 11, kindResults: 11, kindChanged: 11, kindCertificate: 9, kindHeld: 15,
	kindBlockHash: 33, kindTxID: 33, kindCommand: 33}

// found turns the error of a read into what is to be mended.
func found(e *CorruptError) Finding {
	f := Finding{Height: e.Height, Reason: e.Reason, Kind: DamagedTable}
	if len(e.Key) == 0 {
		return f
	}
	f.Key = string(e.Key[1:])
	if n, fixed := keyBytes[e.Key[0]]; fixed && n != len(e.Key) {
		f.Key, f.Height = "", 0
		return f // the key is damaged, and what stood there is not known
	}
	inKey := func() ledger.Height { return ledger.Height(binary.BigEndian.Uint64([]byte(f.Key))) }
	switch e.Key[0] {
	case kindBlock, kindTxs, kindResults, kindCertificate:
		f.Kind, f.Height, f.Key = DamagedBlock, inKey(), ""
	case kindHeld:
		f.Kind, f.Height, f.Key = DamagedHeld, inKey(), ""
	case kindState:
		f.Kind = DamagedRecord
	case kindTxID, kindBlockHash:
		f.Kind, f.Key, f.Height = DamagedIndex, string(e.Key), 0
	case kindCommand:
		f.Kind, f.Height = DamagedCommand, 0
	case kindChanged:
		f.Kind, f.Height, f.Key = DamagedPlaces, inKey(), ""
	case kindMeta:
		f.Kind, f.Key, f.Height = DamagedMark, string(e.Key), 0
		if f.Key == string(treeKey) {
			f.Kind, f.Key = DamagedTree, ""
		}
	default:
		f.Key, f.Height = "", 0
	}
	return f
}

// Where is what may be said to everybody: who may not read a record may not learn its key.
func (f Finding) Where() string {
	if f.Height == 0 || f.Height == math.MaxUint64 {
		return f.Kind.String()
	}
	return fmt.Sprintf("%s %d", f.Kind.of(), f.Height)
}

// of is the name of a kind before a height.
func (k Kind) of() string {
	switch k {
	case DamagedBlock, DamagedHeld:
		return k.String()
	}
	return k.String() + " of height"
}

// same is what makes two findings one.
func (f Finding) same(g Finding) bool { return f.id() == g.id() }

// id is a finding without its reason.
func (f Finding) id() Finding { return Finding{Kind: f.Kind, Height: f.Height, Key: f.Key} }

// findingsMax bounds what is kept by name: with more the store is given up.
const findingsMax = 256

// damage is what is known to be damaged. It is safe for concurrent use.
type damage struct {
	mu       sync.Mutex
	open     []Finding
	left     map[Finding]Finding // by id: what nobody can mend, as many as there are pieces of it
	found    uint64
	mended   uint64
	overflow bool
	wake     chan struct{}
}

func newDamage() *damage { return &damage{left: map[Finding]Finding{}, wake: make(chan struct{}, 1)} }

// note keeps a finding; false: it is known.
func (d *damage) note(f Finding) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, left := d.left[f.id()]; left || slices.ContainsFunc(d.open, f.same) {
		return false
	}
	d.found++
	if len(d.open) >= findingsMax {
		d.overflow = true
		return false
	}
	d.open = append(d.open, f)
	d.rouse()
	return true
}

func (d *damage) rouse() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// take removes a finding; false: it was not there. Under mu.
func (d *damage) take(f Finding) bool {
	n := len(d.open) + len(d.left)
	d.open = slices.DeleteFunc(d.open, f.same)
	delete(d.left, f.id())
	return len(d.open)+len(d.left) < n
}

func (d *damage) settle(f Finding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.take(f) {
		d.mended++
	}
}

// forget takes a finding out whose piece is not there any more.
func (d *damage) forget(f Finding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.take(f)
}

func (d *damage) abandon(f Finding) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.take(f) {
		d.left[f.id()] = f
	}
}

func (d *damage) abandoned(f Finding) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, left := d.left[f.id()]
	return left
}

func (d *damage) reconsider(most int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, f := range d.left {
		if most--; most < 0 || len(d.open) >= findingsMax {
			return
		}
		delete(d.left, id)
		d.open = append(d.open, f)
		d.rouse()
	}
}

func (d *damage) list() []Finding {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.open)
}

// Damage is what is known to be damaged and is to be mended; beyond says that there is
// more than can be named.
func (s *Store) Damage() (open []Finding, beyond bool) {
	open = s.damage.list()
	s.damage.mu.Lock()
	defer s.damage.mu.Unlock()
	return open, s.damage.overflow
}

// DamageCounts are the pieces of damage found and mended since the start.
func (s *Store) DamageCounts() (found, mended uint64) {
	s.damage.mu.Lock()
	defer s.damage.mu.Unlock()
	return s.damage.found, s.damage.mended
}

// DamageSeen tells of new damage; one receiver.
func (s *Store) DamageSeen() <-chan struct{} { return s.damage.wake }

// Settle takes a finding from the list: it is mended, or it turned out to be none.
func (s *Store) Settle(f Finding) { s.damage.settle(f) }

// Abandon says of a finding that nobody can mend it: it stays damaged, and the rest is
// served. It does not count for Damage any more, and is not found again.
func (s *Store) Abandon(f Finding) { s.damage.abandon(f) }

// Abandoned are the findings that nobody can mend, in the order of their kinds and heights.
func (s *Store) Abandoned() []Finding {
	s.damage.mu.Lock()
	out := slices.Collect(maps.Values(s.damage.left))
	s.damage.mu.Unlock()
	slices.SortFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Height, b.Height), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// Reconsider has at most so many of them count again: perhaps somebody has them now.
func (s *Store) Reconsider(most int) { s.damage.reconsider(most) }

// Note adds a finding of somebody who has read more than one value.
func (s *Store) Note(f Finding) {
	if s.damage.note(f) {
		s.log.Warn("the store is damaged; it will be repaired", "what", f.String())
	}
}

// noted passes an error on, and remembers the damage of which it tells.
func (s *Store) noted(err error) error {
	if err == nil {
		return nil
	}
	e, ok := err.(*CorruptError) //nolint:errorlint // it is ours, not wrapped yet
	opened := s.base.Load() != nil
	if ok && opened && (e.Key[0] == kindTxs || e.Key[0] == kindResults) && s.gone(found(e).Height) != nil {
		return err // it was pruned meanwhile, or is about to be
	}
	if ok {
		s.Note(found(e))
	}
	return err
}
