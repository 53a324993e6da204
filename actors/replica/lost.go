package replica

import (
	"fmt"

	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// What nobody else has cannot be mended. A new store is worth its price only where it would
// have the piece: the newest version of a record, not a block that the others have pruned.

// lostTriesMax is how often others are asked for what they should have.
const lostTriesMax = 5

// nobodys reports whether nobody is asked for a piece: what outlived its block, and the
// block itself where this store never had the ones after it.
func (m *mender) nobodys(f storage.Finding) bool {
	return f.Kind == storage.DamagedHeld || f.Kind == storage.DamagedBlock && f.Height > 0 && f.Height < m.r.store.Base()
}

// abandon leaves a piece as it is. A new store would not have it either.
func (m *mender) abandon(f storage.Finding) {
	m.r.cfg.Logger.Warn("a damaged piece of the store cannot be repaired, as no other replica has it; all else is served. An archive may have it", "what", f.String())
	m.r.store.Abandon(f)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.lost, f)
}

func (m *mender) forget(f storage.Finding) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.seen, f)
	delete(m.lost, f)
}

// Lost implements catchup.Repairs: reads of the past that need a lost version end, and a
// lost block stays lost; without the newest version of a record the store must be
// fetched anew.
func (m *mender) Lost(w transfer.Wound) (done bool) {
	done = true
	for _, f := range m.findings(w) {
		if f.Kind == storage.DamagedRecord {
			done = m.lostRecord(f) && done
		} else {
			done = m.lostBlock(f) && done
		}
	}
	return done
}

// refused counts how often all others had refused something.
func (m *mender) refused(f storage.Finding) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost[f]++
	return m.lost[f]
}

// lostBlock abandons a block. Of the newest ones the others may not have the certificates
// yet, and are asked again.
func (m *mender) lostBlock(f storage.Finding) bool {
	keep := m.r.behindKept()
	recent := f.Height+keep > ledger.Height(m.r.metrics.Stable.Load())
	if recent && m.refused(f) < lostTriesMax {
		return false
	}
	if tip, _ := m.r.store.Tip(); recent && f.Height == tip { // nothing goes on without it
		m.giveUp(fmt.Sprintf("%s, the newest one, and nobody has it", f))
		return true
	}
	m.abandon(f)
	return true
}

// lostRecord gives up heights. Others may have forgotten the one as of which they were
// asked: the newest version they have as of now.
func (m *mender) lostRecord(f storage.Finding) bool {
	from, replaced, err := m.r.store.GiveUpPast(f)
	switch {
	case err != nil:
		m.r.cfg.Logger.Warn("a damaged version of the past that no other replica has cannot be given up now; it is tried again", "record", f.Key, "height", f.Height, "error", err)
		return false
	case replaced:
		m.r.cfg.Logger.Warn("a version of the past is damaged and no other replica has it: the state can be read from a later height on", "record", f.Key, "height", f.Height, "from", from)
		m.r.store.Settle(f)
		m.forget(f)
		return true
	case m.refused(f) < lostTriesMax:
		tip, _ := m.r.store.Tip()
		m.mu.Lock()
		defer m.mu.Unlock()
		m.seen[f] = tip
		return false
	}
	m.giveUp(fmt.Sprintf("%s, and nobody has it", f))
	return true
}
