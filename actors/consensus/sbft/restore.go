package sbft

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Restored is what a machine starts from.
type Restored struct {
	Durable     ledger.Height // height of the store
	DurableTime ledger.Time   // and the time of that block
	Settled     []Settled     // the newest blocks of the store, ascending, at least those above the last stable checkpoint
	Records     []Record      // of the vote log, in the order written
}

// Settled is a block of the store: what was agreed, and the digest that a
// checkpoint at its height signs.
type Settled struct {
	Seq        ledger.Seq
	Digest     ledger.Hash // of the proposal
	Time       ledger.Time // of the proposal
	Proof      Proof
	Checkpoint ledger.Hash
}

// New builds a machine from what was made durable. Records of other epochs and
// of slots at or below the stable checkpoint are ignored.
func New(p Params, r Restored) (*Machine, error) {
	if p.Window < 4 || p.InFlightMax < 1 || p.BatchMax < 1 || int(p.Self) >= p.Quorum.N() {
		return nil, fmt.Errorf("sbft: parameters out of range: %+v", p)
	}
	m := &Machine{p: p, n: p.Quorum.N(), slots: map[ledger.Seq]*slot{}, active: true, null: ledger.NewBody(p.Ledger, ledger.Proposal{})}
	m.durable = ledger.Seq(r.Durable)
	m.executed, m.delivered, m.certified, m.lastTime = m.durable, m.durable, m.durable, r.DurableTime
	m.path, m.patient, m.pace = newPathPolicy(m.n), newPatience(p.Timing), newPace(p.Timing)
	m.peers, m.moving = make([]peer, m.n), newMoving(m.n)
	for _, rec := range r.Records { // the state that counts is the newest
		if err := m.restoreState(rec); err != nil {
			return nil, err
		}
	}
	m.checkpoints.forgotten = m.floor()
	for _, b := range r.Settled {
		m.settle(b)
	}
	for _, rec := range r.Records {
		if err := m.restoreSlot(rec); err != nil {
			return nil, err
		}
	}
	return m, m.resume()
}

// restoreState takes a record that is about no slot.
func (m *Machine) restoreState(rec Record) error {
	switch rec.Kind {
	case RecordView:
		v, err := parseViewRecord(rec)
		if err != nil {
			return err
		}
		if v.epoch == m.p.Epoch && v.view > m.view {
			m.view, m.active, m.moving.justification = v.view, false, v.complaints
		}
	case RecordNewView:
		nv, epoch, err := parseNewViewRecord(m.p, rec)
		if err != nil {
			return err
		}
		if epoch == m.p.Epoch && nv.View >= m.view {
			m.view, m.active, m.newView = nv.View, true, nv
		}
	case RecordStable:
		c, epoch, err := parseStableRecord(rec)
		if err != nil {
			return err
		}
		if epoch == m.p.Epoch && c.Seq > m.low {
			m.low, m.checkpoints.stable = c.Seq, c
		}
	}
	return nil
}

// settle takes a block of the store.
func (m *Machine) settle(b Settled) {
	if b.Seq > m.durable || !m.inWindow(b.Seq) {
		return
	}
	s := m.slot(b.Seq)
	proof := b.Proof
	s.committed, s.proven, s.stored = &proof, b.Digest, true
	m.noteCheckpoint(b.Seq, b.Checkpoint)
}

// restoreSlot takes a record about a slot above the stable checkpoint.
func (m *Machine) restoreSlot(rec Record) error {
	if !m.inWindow(rec.Seq) {
		return nil
	}
	switch rec.Kind {
	case RecordProposal:
		p, err := parseProposalRecord(rec)
		if err != nil || p.epoch != m.p.Epoch {
			return err
		}
		s, b := m.slot(rec.Seq), ledger.NewBody(m.p.Ledger, p.proposal)
		if !s.stored {
			s.keepBody(b, true)
		}
		m.restoreAccepted(s, Known{p.view, b.Digest}, p.path, p.signature)
	case RecordAccepted:
		a, err := parseAcceptedRecord(rec)
		if err != nil || a.epoch != m.p.Epoch {
			return err
		}
		m.restoreAccepted(m.slot(rec.Seq), Known{a.slot.View, a.slot.Digest}, PathSlow, nil)
	case RecordVote:
		v, err := ParseVote(rec)
		if err != nil || v.Epoch != m.p.Epoch {
			return err
		}
		m.restoreVote(v)
	case RecordPrepared:
		p, err := parsePreparedRecord(rec)
		if err != nil || p.epoch != m.p.Epoch {
			return err
		}
		s := m.slot(rec.Seq)
		if s.prepared == nil || p.slot.View > s.prepared.View {
			s.prepared = &Proven{Known: Known{p.slot.View, p.slot.Digest}, Certificate: p.cert}
		}
	}
	return nil
}

func (m *Machine) restoreAccepted(s *slot, k Known, path Path, signature []byte) {
	if s.accepted != nil && s.accepted.View > k.View {
		return
	}
	s.accepted, s.path = &k, path
	if len(signature) > 0 { // our own proposals are signed when they leave
		s.head = &head{view: k.View, SignedProposal: SignedProposal{path, k.Digest, signature}}
	}
	s.bodies = pruned(s)
}

func pruned(s *slot) []held {
	var out []held
	for _, h := range s.bodies {
		if s.refers(h.body.Digest) {
			out = append(out, h)
		}
	}
	return out
}

func (m *Machine) restoreVote(v Vote) {
	switch {
	case v.Phase == certificate.Checkpoint:
		m.checkpoints.sign(v.Slot.Seq, v.Slot.Digest)
	case v.Slot.View != m.view:
	case v.Phase == certificate.Prepare:
		m.slot(v.Slot.Seq).signed = true
	case v.Phase == certificate.Fast:
		m.slot(v.Slot.Seq).signedF = true
	}
}

// resume derives what is not recorded from what is.
func (m *Machine) resume() error {
	m.top = m.delivered
	if m.active && m.newView != nil {
		stable, choices, err := m.choicesOf(m.newView)
		if err != nil {
			return fmt.Errorf("sbft: the recorded new view: %w", err)
		}
		m.fixed = stable.Seq
		for _, c := range choices {
			m.fixed = c.Seq
			if m.inWindow(c.Seq) {
				m.resumeChoice(c)
			}
		}
		m.path.enter()
	}
	m.primary.next, m.primary.lastTime = max(m.durable, m.low, m.fixed)+1, m.lastTime
	for seq := m.low + 1; seq <= m.low+m.window(); seq++ {
		s := m.slots[seq]
		if s == nil || s.accepted == nil {
			continue
		}
		m.top = seq
		if s.in(m.view) && m.isPrimary() {
			m.primary.next = max(m.primary.next, seq+1)
		}
		if b := s.body(s.accepted.Digest); b != nil {
			m.primary.lastTime = max(m.primary.lastTime, b.Time)
		}
	}
	return nil
}

func (m *Machine) resumeChoice(c choiceProven) {
	s := m.slot(c.Seq)
	digest := m.valueOf(c.Choice)
	switch {
	case c.Kind == Decided && s.committed == nil:
		s.committed, s.proven = &c.proof, digest
	case c.Kind != Decided && !s.in(m.view):
		s.chosen = &digest
	}
	if digest == m.null.Digest {
		s.keepBody(m.null, false)
	}
}
