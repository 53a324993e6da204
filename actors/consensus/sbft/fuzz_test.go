package sbft

import (
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// What peers and the vote log may hold, as bytes that somebody else wrote. The
// corpora are what small clusters really said.

// gullible takes every signature and every certificate: what is left of a check is
// then only its own reading.
type gullible struct{}

func (gullible) Certificate(certificate.Statement, certificate.Certificate) error { return nil }
func (gullible) Signature(ledger.ReplicaID, []byte, []byte) bool                  { return true }

// deaf takes none.
type deaf struct{}

func (deaf) Certificate(certificate.Statement, certificate.Certificate) error {
	return certificate.ErrInvalid
}
func (deaf) Signature(ledger.ReplicaID, []byte, []byte) bool { return false }

// spoken is what a cluster said and wrote.
type spoken struct {
	p           Params
	viewChanges []*ViewChange
	newViews    []*NewView
	records     []Record
}

// listen lets a cluster with bad links run, whose replicas are told to leave their view
// again and again, in the middle of whatever they do.
func listen(t testing.TB) *spoken {
	c := newCluster(t, 7, quorum.Config{F: 1}, 0.2, 1<<30, 16)
	s := &spoken{p: c.params(c.nodes[0])}
	c.hears = s.keep
	var tick func()
	tick = func() {
		c.catchUp()
		for _, n := range c.nodes {
			for from := range ledger.ReplicaID(2) {
				view := n.machine.View()
				c.step(n, Complaint{From: from, View: view, Signature: signed(ComplaintBytes(ledger.ID{}, 0, from, view))})
			}
			c.step(n, Pending{Transactions: 50, Oldest: 1})
		}
		c.after(Milliseconds(int64(5+c.rnd.Intn(100))), tick)
	}
	tick()
	c.run(Milliseconds(5_000), func() bool { return false })
	kinds := map[RecordKind]int{}
	for _, n := range c.nodes {
		for _, r := range n.records {
			if kinds[r.Kind]++; kinds[r.Kind] <= 3 {
				s.records = append(s.records, r)
			}
		}
	}
	require.GreaterOrEqual(t, len(s.viewChanges), 10, "the corpus: messages of different lengths")
	require.GreaterOrEqual(t, len(s.newViews), 4)
	require.Len(t, kinds, int(RecordNewView), "records of every kind")
	return s
}

// keep takes view-change messages of different lengths and new-view messages with
// different ones in them: most of what is said is said again and again.
func (s *spoken) keep(m Message) {
	switch m := m.(type) {
	case OutViewChange:
		if len(s.viewChanges) < 20 && !slices.ContainsFunc(s.viewChanges, func(o *ViewChange) bool { return len(o.Payload) == len(m.Message.Payload) }) {
			s.viewChanges = append(s.viewChanges, m.Message)
		}
	case OutNewView:
		size := func(nv *NewView) (n int) {
			for _, vc := range nv.Bodies {
				n += len(vc.Payload)
			}
			return n
		}
		if len(s.newViews) < 8 && !slices.ContainsFunc(s.newViews, func(o *NewView) bool { return size(o) == size(m.Message) }) {
			s.newViews = append(s.newViews, m.Message)
		}
	}
}

// bounded holds a reading to ten times its input and a mebibyte.
func bounded(t *testing.T, input int, read func()) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read()
	runtime.ReadMemStats(&after)
	require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(10*input+1<<20), "memory for %d bytes", input)
}

// sealedAgain is a message's payload, made anew from what was read (pitfall 11: one
// layout, so that what was signed is what is understood).
func sealedAgain(p Params, vc *ViewChange) *ViewChange {
	again := &ViewChange{From: vc.From, View: vc.View, Stable: vc.Stable, Slots: vc.Slots, Complaints: vc.Complaints}
	again.Seal(p.Ledger, p.Epoch)
	return again
}

// orderly asserts what everything behind the check relies on.
func orderly(t *testing.T, p Params, vc *ViewChange) {
	require.Less(t, int(vc.From), p.Quorum.N())
	require.Positive(t, vc.View)
	require.Len(t, vc.Complaints, p.Quorum.Weak())
	from := map[ledger.ReplicaID]bool{}
	for _, c := range vc.Complaints {
		require.Less(t, int(c.From), p.Quorum.N())
		require.GreaterOrEqual(t, c.View, vc.View-1)
		from[c.From] = true
	}
	require.Len(t, from, p.Quorum.Weak(), "of different replicas")
	last := vc.Stable.Seq
	for _, e := range vc.Slots {
		require.Greater(t, e.Seq, last, "ascending, above the checkpoint")
		require.LessOrEqual(t, e.Seq, vc.Stable.Seq+ledger.Seq(p.Window))
		last = e.Seq
		require.False(t, e.Committed == nil && e.Prepared == nil && e.Accepted == nil)
		if e.Prepared != nil {
			require.Less(t, e.Prepared.View, vc.View)
		}
		if e.Accepted != nil {
			require.Less(t, e.Accepted.View, vc.View)
		}
	}
}

// checkpointNear is how far a checkpoint may lie ahead here. A replica forgets slot by
// slot up to a certified one, and only stand-in signatures certify what is out of reach.
const checkpointNear = 1 << 16

// stepped gives messages that hold together to a new replica, to the one that leads
// their view, and to the one that leads the next.
func stepped(t *testing.T, p Params, view ledger.View, in Input, shown ...*ViewChange) {
	for _, vc := range shown {
		if vc.Stable.Seq > checkpointNear {
			return
		}
	}
	for _, self := range []ledger.ReplicaID{0, p.Quorum.Primary(view), p.Quorum.Primary(view + 1)} {
		p.Self = self
		m, err := New(p, Restored{})
		require.NoError(t, err)
		var out Output
		m.Step(1, in, &out)
		require.LessOrEqual(t, m.View(), view, "nobody goes further than the message")
		require.LessOrEqual(t, m.SlotsKept(), 2*p.Window, "A9")
	}
}

func FuzzParseViewChange(f *testing.F) {
	s := listen(f)
	for _, vc := range s.viewChanges {
		f.Add(vc.Payload, signed(vc.Payload))
	}
	f.Fuzz(func(t *testing.T, payload, sig []byte) {
		var vc *ViewChange
		var err error
		bounded(t, len(payload), func() { vc, err = ParseViewChange(s.p, payload, sig) })
		if err != nil {
			require.ErrorIs(t, err, ErrEvidence)
			require.Nil(t, vc)
			return
		}
		again := sealedAgain(s.p, vc)
		require.Equal(t, payload, again.Payload, "what is read is written the same")
		require.Equal(t, vc.Digest, again.Digest)
		require.ErrorIs(t, vc.Check(s.p, deaf{}), ErrEvidence)
		if err := vc.Check(s.p, honest{}); err == nil {
			require.Equal(t, signed(payload), sig)
			require.NoError(t, vc.Check(s.p, gullible{}))
		}
		if vc.Check(s.p, gullible{}) == nil {
			orderly(t, s.p, vc)
			stepped(t, s.p, vc.View, vc, vc)
		}
	})
}

func FuzzParseNewView(f *testing.F) {
	s := listen(f)
	for _, nv := range s.newViews {
		b := nv.Bodies
		for _, full := range []bool{true, false} {
			f.Add(nv.Payload, signed(nv.Payload), b[0].Payload, b[1].Payload, b[2].Payload, full, false)
		}
		f.Add(nv.Payload, signed(nv.Payload), b[0].Payload, b[1].Payload, b[2].Payload, true, true)
	}
	f.Fuzz(func(t *testing.T, payload, sig, b0, b1, b2 []byte, full, renamed bool) {
		bodies := [][2][]byte{{b0, signed(b0)}, {b1, signed(b1)}, {b2, signed(b2)}}
		if renamed { // the primary names whatever the bodies are
			payload = naming(s.p, bodies)
		}
		if !full {
			bodies = nil
		}
		var nv *NewView
		var err error
		bounded(t, len(payload)+len(b0)+len(b1)+len(b2), func() { nv, err = ParseNewView(s.p, payload, sig, bodies) })
		if err != nil {
			require.ErrorIs(t, err, ErrEvidence)
			return
		}
		again := &NewView{View: nv.View, Set: nv.Set}
		again.Seal(s.p.Ledger, s.p.Epoch)
		require.Equal(t, payload, again.Payload, "what is read is written the same")
		require.Len(t, nv.Set, s.p.Quorum.ViewChange(), "exactly n - f")
		require.True(t, len(nv.Bodies) == 0 || len(nv.Bodies) == len(nv.Set))
		for i, vc := range nv.Bodies {
			require.Equal(t, nv.Set[i], Reference{vc.From, vc.Digest})
			require.Equal(t, nv.View, vc.View)
			require.Equal(t, vc.Payload, sealedAgain(s.p, vc).Payload)
		}
		require.ErrorIs(t, nv.Check(s.p, deaf{}), ErrEvidence)
		if nv.Check(s.p, honest{}) == nil {
			require.Equal(t, signed(payload), sig)
		}
		if nv.Check(s.p, gullible{}) == nil {
			for _, vc := range nv.Bodies {
				orderly(t, s.p, vc)
			}
			stepped(t, s.p, nv.View, nv, nv.Bodies...)
		}
	})
}

// naming is a new view's payload over bodies, whatever they are.
func naming(p Params, bodies [][2][]byte) []byte {
	nv := &NewView{}
	for _, b := range bodies {
		if vc, err := ParseViewChange(p, b[0], b[1]); err == nil {
			nv.View, nv.Set = vc.View, append(nv.Set, Reference{vc.From, vc.Digest})
		}
	}
	nv.Seal(p.Ledger, p.Epoch)
	return nv.Payload
}
