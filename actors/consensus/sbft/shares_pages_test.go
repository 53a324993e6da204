package sbft

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Pages of shares, batches and determinism.

// A share that does not verify spoils one combination: its sender is named, struck out,
// and the slot is agreed without it.
func TestPageALiarsShareIsStruckOutAndNamed(t *testing.T) {
	tb := newTable(t, four)
	tb.combine = func(_ ledger.ReplicaID, w Combine) Combined {
		out := Combined{Slot: w.Slot, Phase: w.Phase}
		if slices.ContainsFunc(w.Shares, func(s certificate.Share) bool { return s.Signer == 1 }) {
			out.Bad = []ledger.ReplicaID{1}
			return out
		}
		out.Certificate = certificate.Certificate("cert")
		return out
	}
	tb.seats[0].machine.path.now = PathSlow
	b := tb.offer(0, "a")
	tb.among(0, 1, 2, 3)
	require.Equal(t, b.Digest, tb.seats[2].chain[0].Digest)
	require.Positive(t, tb.seats[0].reported(ReportBadShare, 1))
	for id := ledger.ReplicaID(0); id < 4; id++ {
		if id != 1 {
			require.Zero(t, tb.seats[0].reported(ReportBadShare, id), "nobody else is named")
		}
	}
}

// Pitfall 9: what a share signs names domain, ledger, epoch, view, slot, phase and value:
// whatever changes, it is another statement.
func TestPageAShareIsBoundToEverythingItIsAbout(t *testing.T) {
	slot := SlotID{View: 1, Seq: 2, Digest: ledger.Hash{3}}
	said := [][]byte{Statement(ledger.ID{1}, 1, certificate.Prepare, slot).Bytes()}
	say := func(id ledger.ID, e ledger.Epoch, p certificate.Phase, s SlotID) {
		said = append(said, Statement(id, e, p, s).Bytes())
	}
	say(ledger.ID{2}, 1, certificate.Prepare, slot)
	say(ledger.ID{1}, 2, certificate.Prepare, slot)
	for _, p := range []certificate.Phase{certificate.Fast, certificate.Commit, certificate.Checkpoint} {
		say(ledger.ID{1}, 1, p, slot)
	}
	for _, s := range []SlotID{{View: 2, Seq: 2, Digest: ledger.Hash{3}}, {View: 1, Seq: 3, Digest: ledger.Hash{3}}, {View: 1, Seq: 2, Digest: ledger.Hash{4}}} {
		say(ledger.ID{1}, 1, certificate.Prepare, s)
	}
	said = append(said, ComplaintBytes(ledger.ID{1}, 1, 0, 1))
	for i := range said {
		for j := range said[:i] {
			require.NotEqual(t, said[i], said[j], "%d and %d", i, j)
		}
	}
}

// Pitfall 9, in the machine: votes of an earlier view do not count towards a quorum of
// this one.
func TestPageVotesOfAnEarlierViewDoNotCount(t *testing.T) {
	tb := newTable(t, four)
	b := tb.offer(0, "a")
	tb.pass(0, anyone, OutPrePrepare{})
	tb.drop(anyone, anyone, nil)
	tb.leave(0, 1, 2, 3)
	tb.pass(anyone, 1, OutViewChange{})
	require.True(t, tb.seats[1].machine.Active(), "the new primary has accepted the value again")
	require.Equal(t, b.Digest, tb.seats[1].value(1))
	old := SlotID(at(0, 1, b))
	for _, from := range []ledger.ReplicaID{0, 2, 3} {
		tb.inject(1, SignShare{From: from, Slot: old, Prepare: share(from, certificate.Prepare, old), Fast: share(from, certificate.Fast, old)},
			CommitShare{From: from, Slot: old, Share: share(from, certificate.Commit, old)})
		require.Equal(t, 2, tb.seats[1].reported(ReportWrongView, from))
	}
	tb.inject(1, at(0, 1, b).prepare(0))
	require.Nil(t, tb.seats[1].machine.slots[1].prepared)
	require.Zero(t, tb.seats[1].height())
	tb.among(1, 2, 3)
	require.Equal(t, ledger.View(1), tb.seats[1].chain[0].Proof.View)
}

// Pitfall 14: a lone transaction never waits for a fuller batch; one that comes while a
// block is on its way waits 20 ms at most; a worthwhile batch does not wait.
func TestPageALoneTransactionDoesNotWaitForABatch(t *testing.T) {
	tb := newTable(t, four)
	draws := func(in Input) bool {
		out := tb.think(0, in)
		for _, tc := range out.Timers {
			if tc.Timer.Kind == TimerBatch && !tc.Cancel {
				require.Equal(t, Milliseconds(20), tc.After)
			}
		}
		return out.Draw != nil
	}
	require.True(t, draws(Pending{Transactions: 1}), "at once")
	tb.step(0, Batch{Body: tb.body("a")})
	require.False(t, draws(Pending{Transactions: 1}), "a block is on its way")
	require.True(t, draws(Fired{Timer{Kind: TimerBatch}}), "but not for long")
	tb.step(0, Batch{Body: tb.body("b")})
	require.False(t, draws(Pending{Transactions: 9}))
	require.True(t, draws(Pending{Transactions: 10}), "as many as a batch holds")
}

// Pitfall 12: the same inputs at the same instants make the same outputs, to the last
// byte and in the same order, through view changes too.
func TestPageTheSameInputsMakeTheSameOutputs(t *testing.T) {
	tb := newTable(t, four)
	type given struct {
		at Instant
		in Input
	}
	var inputs []given
	twin, err := New(tb.c.params(tb.seats[2].node), Restored{})
	require.NoError(t, err)
	give := func(in Input) {
		inputs = append(inputs, given{tb.now, in})
		tb.step(2, in)
	}
	give(Started{})
	for round := range 30 {
		view := tb.seats[0].machine.View()
		tb.offer(tb.q.Primary(view), string(rune('a'+round)))
		for len(tb.mail) > 0 {
			p := tb.mail[0]
			tb.mail = tb.mail[1:]
			if p.to == 2 {
				give(p.in)
			} else {
				tb.step(p.to, p.in)
			}
		}
		tb.now += Milliseconds(100)
		if round%7 == 6 {
			tb.leave(view, 0, 1, 3)
		}
		for _, id := range []ledger.ReplicaID{0, 1, 3} {
			tb.fire(id, TimerStatus, 0)
		}
	}
	require.Greater(t, len(inputs), 200)
	require.Positive(t, tb.seats[2].rules[RuleW7])
	again, err := New(tb.c.params(tb.seats[2].node), Restored{})
	require.NoError(t, err)
	for i, g := range inputs {
		var first, second Output
		twin.Step(g.at, g.in, &first)
		again.Step(g.at, g.in, &second)
		require.Equal(t, first, second, "input %d: %T", i, g.in)
	}
	require.Equal(t, twin.View(), again.View())
}
