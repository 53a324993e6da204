package sbft

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// table is a cluster whose messages lie open until the test delivers or drops
// them: for schedules that are told like stories.
type table struct {
	t     testing.TB
	c     *cluster // its stand-in signatures and message conversion
	q     quorum.Config
	now   Instant
	seats []*seat
	mail  []parcel
	// combine answers work instead of the stand-in, which always finds a certificate.
	combine func(id ledger.ReplicaID, w Combine) Combined
}

// opened are the tables of this test run, for the test that asks which page shows
// which rule.
var opened []*table

// seat is one replica at the table.
type seat struct {
	id      ledger.ReplicaID
	machine *Machine
	records []Record
	chain   []Settled
	stored  int // of chain
	stalled bool
	reports []Report
	rules   [Rules]int
	proofs  []Equivocation
	node    *simNode
}

type parcel struct {
	from, to ledger.ReplicaID
	msg      Message
	in       Input
}

const anyone = ledger.ReplicaID(1 << 15)

func newTable(t testing.TB, q quorum.Config) *table { return newTableOf(t, q, 16) }

func newTableOf(t testing.TB, q quorum.Config, window int) *table {
	tb := &table{t: t, q: q, c: &cluster{t: t, q: q, window: window, agreed: map[ledger.Seq]ledger.Hash{}}}
	opened = append(opened, tb)
	for id := range q.N() {
		s := &seat{id: ledger.ReplicaID(id), node: &simNode{id: ledger.ReplicaID(id)}}
		tb.seats = append(tb.seats, s)
		tb.start(s)
	}
	return tb
}

// start brings a replica up from what it made durable.
func (tb *table) start(s *seat) {
	s.chain = s.chain[:s.stored]
	r := Restored{Durable: ledger.Height(s.stored), Settled: s.chain, Records: slices.Clone(s.records)}
	if s.stored > 0 {
		r.DurableTime = s.chain[s.stored-1].Time
	}
	m, err := New(tb.c.params(s.node), r)
	require.NoError(tb.t, err)
	s.machine = m
	tb.step(s.id, Started{})
}

// restart loses everything that was not made durable, mail included.
func (tb *table) restart(ids ...ledger.ReplicaID) {
	for _, id := range ids {
		tb.drop(anyone, id, nil)
		tb.start(tb.seats[id])
	}
}

func (tb *table) step(id ledger.ReplicaID, in Input) {
	out := tb.think(id, in)
	tb.carryOut(tb.seats[id], out)
}

// think gives a replica an input and returns what it wants done; nothing is done yet,
// as when it crashes now.
func (tb *table) think(id ledger.ReplicaID, in Input) *Output {
	var out Output
	tb.seats[id].machine.Step(tb.now, in, &out)
	return &out
}

func (tb *table) carryOut(s *seat, out *Output) {
	s.records = append(s.records, out.Records...)
	if out.Stable != nil {
		s.records = slices.DeleteFunc(s.records, func(r Record) bool { return r.Seq > 0 && r.Seq <= out.Stable.Seq })
	}
	for _, r := range out.Reports {
		s.reports = append(s.reports, r)
		if r.Kind == ReportRule {
			s.rules[r.Rule]++
		}
		require.NotEqual(tb.t, ReportViolation, r.Kind, r.Text)
	}
	s.proofs = append(s.proofs, out.Equivocations...)
	for _, d := range out.Deliver {
		tb.deliver(s, d)
	}
	for _, w := range out.Work {
		answer := Combined{Slot: w.Slot, Phase: w.Phase, Certificate: certificate.Certificate("cert")}
		if tb.combine != nil {
			answer = tb.combine(s.id, w)
		}
		tb.step(s.id, answer)
	}
	for _, send := range out.Send {
		s.requireDurable(tb.t, send.Message)
		tb.post(s, send)
	}
}

// requireDurable holds A7 on every page: a vote that leaves is found on disk.
func (s *seat) requireDurable(t testing.TB, m Message) {
	phase, slot := certificate.Prepare, SlotID{}
	switch m := m.(type) {
	case OutSignShare:
		slot = m.Slot
		if m.Fast {
			require.True(t, s.voted(certificate.Fast, slot), "replica %d sends a fast share of slot %d that is not durable", s.id, slot.Seq)
		}
	case OutCommitShare:
		phase, slot = certificate.Commit, m.Slot
	case OutCheckpointShare:
		phase, slot = certificate.Checkpoint, SlotID{Seq: m.Seq, Digest: m.Digest}
	case OutPrePrepare:
		phase, slot = PhasePropose, SlotID{View: m.View, Seq: m.Seq, Digest: m.Body.Digest}
	default:
		return
	}
	require.True(t, s.voted(phase, slot), "replica %d sends %T of slot %d, which is not durable", s.id, m, slot.Seq)
}

// voted reports whether exactly this vote is on disk.
func (s *seat) voted(phase certificate.Phase, slot SlotID) bool {
	return slices.ContainsFunc(s.records, func(r Record) bool {
		v, err := ParseVote(r)
		return r.Kind == RecordVote && err == nil && v.Phase == phase && v.Slot == slot
	})
}

func (tb *table) deliver(s *seat, d Decision) {
	if old, ok := tb.c.agreed[d.Seq]; ok {
		require.Equal(tb.t, old, d.Body.Digest, "agreement on slot %d", d.Seq)
	}
	tb.c.agreed[d.Seq] = d.Body.Digest
	s.chain = append(s.chain, Settled{Seq: d.Seq, Digest: d.Body.Digest, Time: d.Body.Time, Proof: d.Proof, Checkpoint: tb.c.state(d.Seq)})
	if s.stalled {
		return
	}
	tb.step(s.id, executed(s.chain[len(s.chain)-1]))
	s.stored = len(s.chain)
	tb.step(s.id, Durable{Height: ledger.Height(s.stored)})
}

func (tb *table) post(s *seat, send Send) {
	in := tb.c.input(s.node, send.Message)
	if in == nil {
		return
	}
	if !send.Broadcast && send.To == s.id {
		tb.step(s.id, in)
		return
	}
	for _, o := range tb.seats {
		if o.id != s.id && (send.Broadcast || o.id == send.To) {
			tb.mail = append(tb.mail, parcel{s.id, o.id, send.Message, in})
		}
	}
}

func (p parcel) is(from, to ledger.ReplicaID, kind Message) bool {
	return (from == anyone || from == p.from) && (to == anyone || to == p.to) &&
		(kind == nil || reflect.TypeOf(kind) == reflect.TypeOf(p.msg))
}

// pass delivers what lies on the table now and matches; it returns how much.
func (tb *table) pass(from, to ledger.ReplicaID, kind Message) int {
	var now, rest []parcel
	for _, p := range tb.mail {
		if p.is(from, to, kind) {
			now = append(now, p)
		} else {
			rest = append(rest, p)
		}
	}
	tb.mail = rest
	for _, p := range now {
		tb.step(p.to, p.in)
	}
	return len(now)
}

// drop loses what lies on the table and matches.
func (tb *table) drop(from, to ledger.ReplicaID, kind Message) {
	tb.mail = slices.DeleteFunc(tb.mail, func(p parcel) bool { return p.is(from, to, kind) })
}

// among delivers everything between some replicas until nothing is left; mail for
// others is lost.
func (tb *table) among(ids ...ledger.ReplicaID) {
	for range 10_000 {
		tb.mail = slices.DeleteFunc(tb.mail, func(p parcel) bool { return !slices.Contains(ids, p.from) || !slices.Contains(ids, p.to) })
		if len(tb.mail) == 0 {
			return
		}
		p := tb.mail[0]
		tb.mail = tb.mail[1:]
		tb.step(p.to, p.in)
	}
	tb.t.Fatal("the table is never empty")
}

// offer gives a primary a batch of one transaction; it proposes it.
func (tb *table) offer(id ledger.ReplicaID, tx string) *ledger.Body {
	b := tb.body(tx)
	tb.step(id, Pending{Transactions: 1, Oldest: 1})
	tb.step(id, Batch{Body: b})
	tb.step(id, Pending{})
	return b
}

func (tb *table) body(tx string) *ledger.Body {
	tb.now += 1000
	return ledger.NewBody(ledger.ID{}, ledger.Proposal{Time: ledger.Time(tb.now), Txs: [][]byte{[]byte(tx)}})
}

// inject gives a replica what a Byzantine one sends.
func (tb *table) inject(to ledger.ReplicaID, ins ...Input) {
	for _, in := range ins {
		tb.step(to, in)
	}
}

// complaints are signed by f+1 replicas about a view.
func (tb *table) complaints(view ledger.View) (out []Complaint) {
	for id := range tb.q.Weak() {
		from := ledger.ReplicaID(id)
		out = append(out, Complaint{From: from, View: view, Signature: signed(ComplaintBytes(ledger.ID{}, 0, from, view))})
	}
	return out
}

// leave makes replicas leave a view.
func (tb *table) leave(view ledger.View, ids ...ledger.ReplicaID) {
	for _, id := range ids {
		for _, c := range tb.complaints(view) {
			tb.step(id, c)
		}
	}
}

// later lets time pass and fires the timers that repeat things.
func (tb *table) later(d Instant, ids ...ledger.ReplicaID) {
	tb.now += d
	for _, id := range ids {
		for _, kind := range []TimerKind{TimerResend, TimerStatus, TimerView} {
			tb.step(id, Fired{Timer{Kind: kind}})
		}
		for seq := tb.seats[id].machine.low + 1; seq <= tb.seats[id].machine.low+16; seq++ {
			tb.step(id, Fired{Timer{Kind: TimerCollect, Seq: seq}})
		}
	}
}
