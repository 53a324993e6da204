package ballot

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// model says in plain lists what a ballot may sign: everything that was ever agreed to,
// in order, and three numbers. It knows nothing of maps of the newest vote.
type model struct {
	votes []Vote
	floor ledger.Seq
	left  ledger.View // the view it has moved to
	shown []signed    // its own new-view messages
}

func (m *model) settledOrLeft(v Vote) bool {
	return v.Seq <= m.floor || v.View < m.left && v.Phase != certificate.Checkpoint
}

// contradicts reports whether a vote was agreed to that makes this one a lie, or late.
func (m *model) contradicts(v Vote) bool {
	for _, o := range m.votes {
		samePlace := o.Epoch == v.Epoch && o.Phase == v.Phase && o.Seq == v.Seq
		if samePlace && (o.View > v.View || o.View == v.View && o.Digest != v.Digest) {
			return true
		}
	}
	return false
}

func (m *model) mayRecord(v Vote) bool { return !m.settledOrLeft(v) && !m.contradicts(v) }

func (m *model) may(v Vote) bool {
	recorded := false
	for _, o := range m.votes {
		recorded = recorded || o == v
	}
	return recorded && m.mayRecord(v)
}

// mayShow reports whether a new-view message of a view not left may be signed.
func (m *model) mayShow(nv signed) bool {
	for _, o := range m.shown {
		if o.view > nv.view || o.view == nv.view && o.digest != nv.digest {
			return false
		}
	}
	return true
}

// restarted is what the shell builds of the vote log: the checkpoint, the votes above
// it in the order written, the view, and the message by which it was entered if it is
// still in it.
func (m *model) restarted(t require.TestingT) *Ballot {
	b := New()
	b.Raise(m.floor)
	for _, v := range m.votes {
		if v.Seq > m.floor {
			require.NoError(t, b.Record(v), "what was recorded is recorded again")
		}
	}
	b.Leave(m.left)
	if n := len(m.shown); n > 0 && m.shown[n-1].view == m.left {
		require.NoError(t, b.NewView(m.left, m.shown[n-1].digest))
	}
	return b
}

func drawVote(t *rapid.T) Vote {
	phases := []certificate.Phase{certificate.Fast, certificate.Prepare, certificate.Commit, certificate.Checkpoint, 200}
	return Vote{Epoch: ledger.Epoch(rapid.IntRange(0, 1).Draw(t, "epoch")), Phase: rapid.SampledFrom(phases).Draw(t, "phase"),
		View: ledger.View(rapid.IntRange(0, 3).Draw(t, "view")), Seq: ledger.Seq(rapid.IntRange(1, 5).Draw(t, "seq")),
		Digest: ledger.Hash{byte(rapid.IntRange(1, 3).Draw(t, "digest"))}}
}

// step does one thing to both.
func (m *model) step(t *rapid.T, b *Ballot) *Ballot {
	switch rapid.IntRange(0, 11).Draw(t, "what") {
	case 0:
		m.left = max(m.left, ledger.View(rapid.IntRange(0, 3).Draw(t, "to")))
		b.Leave(m.left)
	case 1: // moving back moves nothing
		b.Leave(ledger.View(rapid.IntRange(0, int(m.left)).Draw(t, "back"))) // #nosec G115 -- at most 3
	case 2:
		to := ledger.Seq(rapid.IntRange(0, 4).Draw(t, "settled"))
		m.floor = max(m.floor, to)
		b.Raise(to)
	case 3:
		nv := signed{m.left + ledger.View(rapid.IntRange(0, 1).Draw(t, "ahead")), ledger.Hash{byte(rapid.IntRange(1, 2).Draw(t, "set"))}}
		err := b.NewView(nv.view, nv.digest)
		require.Equal(t, m.mayShow(nv), err == nil, "new view %d: %v", nv.view, err)
		if err == nil {
			m.shown = append(m.shown, nv)
		}
		m.left = max(m.left, nv.view)
	case 4:
		return m.restarted(t)
	default:
		v := drawVote(t)
		err := b.Record(v)
		require.Equal(t, m.mayRecord(v), err == nil, "%+v: %v", v, err)
		if err == nil {
			m.votes = append(m.votes, v)
		}
	}
	return b
}

// Whatever is asked, in whatever order, over restarts: the ballot answers as the lists
// do.
func TestTheBallotAnswersAsItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, m := New(), &model{}
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			b = m.step(t, b)
			for range 4 {
				v := drawVote(t)
				require.Equal(t, m.may(v), b.May(v) == nil, "%+v: %v", v, b.May(v))
			}
			for _, v := range m.votes {
				require.Equal(t, m.may(v), b.May(v) == nil, "%+v: %v", v, b.May(v))
			}
			for d := byte(1); d <= 2; d++ {
				nv := signed{m.left, ledger.Hash{d}}
				shown := len(m.shown) > 0 && m.shown[len(m.shown)-1] == nv
				require.Equal(t, shown, b.MayNewView(nv.view, nv.digest), "only what was noted is signed")
			}
			require.LessOrEqual(t, b.Len(), 2*5*5, "one vote a place")
		}
	})
}

func vote(phase certificate.Phase, view ledger.View, digest byte) Vote {
	return Vote{Phase: phase, View: view, Seq: 7, Digest: ledger.Hash{digest}}
}

func TestNothingIsSignedInAViewThatWasLeft(t *testing.T) {
	b := New()
	before := vote(certificate.Prepare, 1, 1)
	require.NoError(t, b.Record(before))
	require.NoError(t, b.May(before))
	b.Leave(2)
	require.ErrorContains(t, b.May(before), "left that view for view 2", "not even what was recorded")
	require.ErrorContains(t, b.Record(vote(certificate.Commit, 1, 1)), "left that view")
	require.NoError(t, b.Record(vote(certificate.Prepare, 2, 2)), "the new view may decide otherwise")
	b.Leave(1)
	require.ErrorContains(t, b.May(before), "left that view", "leaving is for ever")
	require.ErrorContains(t, b.Record(before), "left that view")
}

// Checkpoints are of no view: the state at a height is what it is.
func TestACheckpointIsSignedAcrossViews(t *testing.T) {
	b := New()
	b.Leave(9)
	c := vote(certificate.Checkpoint, 0, 1)
	require.NoError(t, b.Record(c))
	require.NoError(t, b.May(c))
	other := c
	other.Digest[0]++
	require.Error(t, b.Record(other), "and there is one state")
	require.Error(t, b.May(other))
}

func TestAPrimaryShowsOneNewViewAView(t *testing.T) {
	b := New()
	a, other := ledger.Hash{1}, ledger.Hash{2}
	require.False(t, b.MayNewView(3, a), "nothing was noted yet")
	require.NoError(t, b.NewView(3, a))
	require.True(t, b.MayNewView(3, a))
	require.False(t, b.MayNewView(3, other))
	require.False(t, b.MayNewView(4, a))
	require.NoError(t, b.NewView(3, a), "repeating it is no second one")
	left := New()
	require.NoError(t, left.NewView(3, a))
	left.Leave(5)
	require.False(t, left.MayNewView(3, a), "not of a view that was left")
	require.ErrorContains(t, left.NewView(3, a), "left that view")
	require.ErrorContains(t, left.NewView(4, a), "left that view")
	require.ErrorContains(t, b.NewView(3, other), "another new view for view 3")
	require.True(t, b.MayNewView(3, a), "a refusal changes nothing")
	require.Error(t, b.Record(vote(certificate.Prepare, 2, 1)), "who announces view 3 has left view 2")
	require.NoError(t, b.NewView(7, other))
	require.Error(t, b.NewView(3, a), "views only grow")
	require.False(t, b.MayNewView(3, a))
	var refusal *Refusal
	require.ErrorAs(t, b.NewView(7, a), &refusal)
	require.EqualValues(t, 7, refusal.Vote.View)
}

// One place holds one vote: a later view replaces it, and the earlier one is not signed
// again even though the view was not left.
func TestALaterVoteReplacesTheEarlierOne(t *testing.T) {
	b := New()
	first, second := vote(certificate.Prepare, 1, 1), vote(certificate.Prepare, 2, 2)
	require.NoError(t, b.Record(first))
	require.NoError(t, b.Record(second))
	require.Equal(t, 1, b.Len())
	require.Error(t, b.May(first))
	require.ErrorContains(t, b.Record(first), "signed in the later view 2")
	require.NoError(t, b.May(second))
	require.NoError(t, b.Record(vote(certificate.Commit, 1, 1)), "another phase is another place")
}
