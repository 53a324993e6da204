package sbft

import (
	"slices"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// checkpoints is what the machine knows of them. A certified checkpoint proves that
// f+c+1 honest replicas hold the same durable state: evidence up to there is not
// needed any more, by anyone.
type checkpoints struct {
	stable    Checkpoint
	ahead     Checkpoint   // certified, but not executed here yet
	own       []Checkpoint // digests of our own states at checkpoint heights above stable, ascending
	signed    []Checkpoint // of these, voted for
	tallies   []*checkpointTally
	turn      int // whom to send shares to next
	forgotten ledger.Seq
}

// checkpointTally collects shares for one state at one height.
type checkpointTally struct {
	seq    ledger.Seq
	digest ledger.Hash
	shares shares
}

// CheckpointEvery is the distance of checkpoints: a quarter of the window, so that
// three quarters remain for work while one is being certified.
func (p Params) CheckpointEvery() ledger.Seq { return ledger.Seq(max(p.Window/4, 1)) } // #nosec G115 -- positive

func (c *checkpoints) sign(seq ledger.Seq, digest ledger.Hash) {
	if !c.hasSigned(seq) {
		c.signed = append(c.signed, Checkpoint{Seq: seq, Digest: digest})
	}
}

func (c *checkpoints) hasSigned(seq ledger.Seq) bool {
	return slices.ContainsFunc(c.signed, func(s Checkpoint) bool { return s.Seq == seq })
}

// noteCheckpoint keeps the digest of our own state at a checkpoint height.
func (m *Machine) noteCheckpoint(seq ledger.Seq, digest ledger.Hash) {
	c := &m.checkpoints
	if seq%m.p.CheckpointEvery() != 0 || seq <= m.low || digest == (ledger.Hash{}) {
		return
	}
	at, known := slices.BinarySearchFunc(c.own, seq, func(o Checkpoint, s ledger.Seq) int { return int(o.Seq) - int(s) }) // #nosec G115 -- near to each other
	if known {
		c.own[at].Digest = digest
		return
	}
	c.own = slices.Insert(c.own, at, Checkpoint{Seq: seq, Digest: digest})
	const ownMax = 16 // two windows of them
	if len(c.own) > ownMax {
		c.own = slices.Delete(c.own, 0, 1) // catching up: the newest count
	}
}

// signCheckpoints votes for the checkpoints whose state the store has: only then
// does this replica truly hold it.
func (m *Machine) signCheckpoints(out *Output) {
	c := &m.checkpoints
	for _, own := range c.own {
		if own.Seq > m.durable || c.hasSigned(own.Seq) || !m.inWindow(own.Seq) {
			continue
		}
		c.sign(own.Seq, own.Digest)
		m.rule(out, RuleK1)
		out.Records = append(out.Records, Vote{Epoch: m.p.Epoch, Phase: certificate.Checkpoint, Slot: SlotID{Seq: own.Seq, Digest: own.Digest}}.Record())
		for _, to := range Collectors(m.p, 0, own.Seq, PathFast) {
			m.send(out, to, OutCheckpointShare{Seq: own.Seq, Digest: own.Digest})
		}
	}
}

// repeatCheckpoints gives shares of what stays uncertified to one replica more.
func (m *Machine) repeatCheckpoints(out *Output) {
	c := &m.checkpoints
	c.turn++
	for _, s := range c.signed {
		if s.Seq > m.low && s.Seq <= m.durable {
			to := ledger.ReplicaID((uint64(s.Seq) + uint64(c.turn)) % uint64(m.n)) // #nosec G115 -- below n
			m.send(out, to, OutCheckpointShare{Seq: s.Seq, Digest: s.Digest})
		}
	}
}

// onCheckpointShare collects; whoever votes for what is certified already is told so.
func (m *Machine) onCheckpointShare(in CheckpointShare, out *Output) {
	c := &m.checkpoints
	if int(in.From) >= m.n || in.Seq%m.p.CheckpointEvery() != 0 || in.Seq > m.low+2*m.window() {
		return
	}
	if in.Seq <= m.low {
		m.tellStable(in.From, out)
		return
	}
	var mine *checkpointTally
	for _, t := range c.tallies {
		switch {
		case t.seq != in.Seq:
		case t.digest == in.Digest:
			mine = t
		case t.shares.from[in.From] != nil:
			m.report(out, Report{Kind: ReportConflictingVote, Replica: in.From, Seq: in.Seq})
			return // one vote a height
		}
	}
	if mine == nil {
		mine = &checkpointTally{seq: in.Seq, digest: in.Digest}
		c.tallies = append(c.tallies, mine)
	}
	mine.shares.add(m.n, in.From, in.Share)
	m.combineCheckpoint(mine, out)
}

func (m *Machine) combineCheckpoint(t *checkpointTally, out *Output) {
	if t.shares.combining || t.shares.count < m.p.Quorum.Slow() {
		return
	}
	t.shares.combining = true
	out.Work = append(out.Work, Combine{Slot: SlotID{Seq: t.seq, Digest: t.digest}, Phase: certificate.Checkpoint, Shares: t.shares.list()})
}

func (m *Machine) onCheckpointCombined(in Combined, out *Output) {
	for _, t := range m.checkpoints.tallies {
		if t.seq != in.Slot.Seq || t.digest != in.Slot.Digest {
			continue
		}
		t.shares.combining = false
		for _, bad := range in.Bad {
			t.shares.drop(bad)
		}
		if in.Certificate == nil {
			if len(in.Bad) > 0 {
				m.combineCheckpoint(t, out)
			}
			return
		}
		m.rule(out, RuleK2)
		c := Checkpoint{Seq: t.seq, Digest: t.digest, Certificate: in.Certificate}
		m.broadcast(out, OutCheckpoint{c})
		m.onCheckpoint(c, out)
		return
	}
}

// onCheckpoint takes a certified checkpoint: at once when this replica has executed
// up to it, or is so far behind that it must catch up anyway; otherwise when it has.
func (m *Machine) onCheckpoint(in Checkpoint, out *Output) {
	c := &m.checkpoints
	switch {
	case in.Seq <= m.low:
	case in.Seq <= m.executed:
		m.stabilise(in, out)
	case in.Seq > m.low+m.window()/2:
		m.rule(out, RuleK3)
		m.stabilise(in, out)
	case in.Seq > c.ahead.Seq:
		c.ahead = in
	}
}

// compareCheckpoint takes what was certified before it was executed here.
func (m *Machine) compareCheckpoint(out *Output) {
	if a := m.checkpoints.ahead; a.Seq > m.low && a.Seq <= m.executed {
		m.stabilise(a, out)
	}
}

// stabilise moves the low watermark to a certified checkpoint.
func (m *Machine) stabilise(in Checkpoint, out *Output) {
	c := &m.checkpoints
	for _, own := range c.own {
		if own.Seq == in.Seq && own.Digest != in.Digest {
			m.diverged(out, in.Seq, "2f+c+1 replicas certify %s as the state after %d, here it is %s: this replica must be rebuilt", in.Digest, in.Seq, own.Digest)
			return
		}
	}
	c.stable, m.low = in, in.Seq
	old := func(o Checkpoint) bool { return o.Seq <= m.low }
	c.own, c.signed = slices.DeleteFunc(c.own, old), slices.DeleteFunc(c.signed, old)
	c.tallies = slices.DeleteFunc(c.tallies, func(t *checkpointTally) bool { return t.seq <= m.low })
	m.top = max(m.top, m.low)
	m.primary.next = max(m.primary.next, m.low+1)
	m.forget()
	m.sortedSettle(m.low)
	rec := stableRecord{epoch: m.p.Epoch, checkpoint: in}
	out.Records = append(out.Records, rec.record())
	stable := in
	out.Stable = &stable
	m.report(out, Report{Kind: ReportStable, Seq: in.Seq})
	m.signCheckpoints(out)
}

// tellStable gives a replica the newest checkpoint certificate, not too often.
func (m *Machine) tellStable(to ledger.ReplicaID, out *Output) {
	p := &m.peers[to]
	if to == m.p.Self || m.low == 0 || (p.helped > 0 && m.now-p.helped < m.p.Timing.Resend) {
		return
	}
	p.helped = m.now
	m.rule(out, RuleK4)
	m.send(out, to, OutCheckpoint{m.checkpoints.stable})
}
