package consensus

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/consensus/ballot"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// journal is a vote log and a transport that write down in what order they are used.
type journal struct {
	events   []string
	synced   []sbft.Record
	staged   []sbft.Record
	sent     [][]byte
	syncFail error
}

func (j *journal) Append(r []sbft.Record) error {
	j.events, j.staged = append(j.events, "append"), append(j.staged, r...)
	return nil
}

func (j *journal) Sync() error {
	j.events = append(j.events, "sync")
	if j.syncFail == nil {
		j.synced, j.staged = append(j.synced, j.staged...), nil
	}
	return j.syncFail
}

func (j *journal) Truncate(ledger.Seq) error { return nil }

func (j *journal) Replay(f func(sbft.Record) error) error {
	for _, r := range j.synced {
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) Send(_ ledger.ReplicaID, bulk bool, payload []byte) { j.Broadcast(bulk, payload) }

func (j *journal) Broadcast(_ bool, payload []byte) {
	j.events, j.sent = append(j.events, "send"), append(j.sent, payload)
}

// hand runs functions on an actor's goroutine: what the ordering actor needs of the
// world without its timing.
type hand struct{}

func (hand) Start(*shell.Context) error { return nil }
func (hand) Stop()                      {}
func (hand) Receive(c *shell.Context, msg any) {
	if f, ok := msg.(func(*shell.Context)); ok {
		f(c)
	}
}

// replicaBench is one ordering actor, replica 1, whose messages are given by hand.
type replicaBench struct {
	*ingressBench
	*journal
	t      *testing.T
	system *shell.System
	pid    shell.PID
	o      *ordering
}

func newReplicaBench(t *testing.T) *replicaBench {
	b := &replicaBench{ingressBench: newIngress(t), journal: &journal{}, t: t}
	p := &b.cfg.Params
	p.Self, p.InFlightMax, p.ClockBound, p.Timing = 1, 4, 1<<60, sbft.DefaultTiming()
	b.cfg.Transport, b.cfg.Log, b.cfg.Metrics = b.journal, b.journal, NewMetrics(nil)
	b.cfg.Tip = func() (ledger.Height, ledger.Time, error) { return 0, 0, nil }
	b.cfg.Settled = func(_, _ ledger.Height) ([]sbft.Settled, error) { return nil, nil }
	b.cfg.Signer, b.cfg.SigningKey = b.signers[1], b.keys[1]
	var err error
	b.system, err = shell.NewSystem(shell.Config{Name: "bench"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.system.Stop(10*time.Second)) })
	b.pid, err = b.system.Spawn(shell.Spec{Name: "hand", New: func() shell.Behaviour { return hand{} }})
	require.NoError(t, err)
	b.restart()
	return b
}

// do runs f on the actor's goroutine and returns what it panicked with.
func (b *replicaBench) do(f func(c *shell.Context)) (panicked any) {
	done := make(chan any)
	b.system.Tell(b.pid, func(c *shell.Context) {
		defer func() { done <- recover() }()
		f(c)
	})
	return <-done
}

// restart loses everything that was not synced.
func (b *replicaBench) restart() {
	b.staged, b.events, b.sent = nil, nil, nil
	b.o = &ordering{cfg: b.cfg}
	require.Nil(b.t, b.do(func(c *shell.Context) { require.NoError(b.t, b.o.Start(c)) }))
}

// receive takes messages from a peer, as the actor does.
func (b *replicaBench) receive(from ledger.ReplicaID, raw ...[]byte) any {
	return b.do(func(c *shell.Context) {
		for _, r := range raw {
			m, err := b.cfg.Ingress(from, r)
			require.NoError(b.t, err)
			b.o.Receive(c, m)
		}
		b.o.Flush(c)
	})
}

// proposal is one that the primary of view 0 signed for slot 1.
func (b *replicaBench) proposal(tx byte) ([]byte, sbft.SlotID) {
	p := &b.cfg.Params
	body := ledger.NewBody(p.Ledger, ledger.Proposal{Time: 5, Txs: [][]byte{{tx}}})
	head := ledger.ProposalBytes(p.Ledger, p.Epoch, 0, 1, uint8(sbft.PathFast), body.Digest)
	return encodePrePrepare(0, sbft.OutPrePrepare{Seq: 1, Path: sbft.PathFast, Body: body}, b.keys[0].Sign(head)), sbft.SlotID{Seq: 1, Digest: body.Digest}
}

// votesSent are the slots voted for in what left.
func (b *replicaBench) votesSent() (out []sbft.SlotID) {
	for _, raw := range b.sent {
		m, err := b.cfg.Ingress(1, raw)
		require.NoError(b.t, err, "what leaves is acceptable")
		if v, ok := m.(sbft.SignShare); ok {
			out = append(out, v.Slot)
		}
	}
	return out
}

func durable(records []sbft.Record, want sbft.Vote) bool {
	return slices.ContainsFunc(records, func(r sbft.Record) bool {
		v, err := sbft.ParseVote(r)
		return r.Kind == sbft.RecordVote && err == nil && v == want
	})
}

func TestVotesAreDurableBeforeTheyLeave(t *testing.T) {
	b := newReplicaBench(t)
	b.events = nil
	raw, id := b.proposal('a')
	require.Nil(t, b.receive(0, raw))
	require.GreaterOrEqual(t, len(b.events), 3)
	require.Equal(t, []string{"append", "sync", "send"}, b.events[:3])
	require.NotEmpty(t, b.votesSent())
	for _, phase := range []certificate.Phase{certificate.Prepare, certificate.Fast} {
		require.True(t, durable(b.synced, sbft.Vote{Phase: phase, Slot: id}))
	}
}

func TestNothingLeavesWhenTheDiskRefuses(t *testing.T) {
	b := newReplicaBench(t)
	b.sent, b.syncFail = nil, errors.New("no space left on device")
	raw, _ := b.proposal('a')
	var fatal *shell.Unrecoverable
	require.ErrorAs(t, b.receive(0, raw).(error), &fatal)
	require.ErrorIs(t, fatal, b.syncFail)
	require.Empty(t, b.sent)
}

func TestARestartKeepsTheVote(t *testing.T) {
	b := newReplicaBench(t)
	raw, id := b.proposal('a')
	require.Nil(t, b.receive(0, raw))
	other, otherID := b.proposal('b')
	for range 2 {
		b.restart()
		require.Contains(t, b.votesSent(), id, "it is said again")
		require.Nil(t, b.receive(0, other))
		require.NotContains(t, b.votesSent(), otherID)
		for _, phase := range []certificate.Phase{certificate.Prepare, certificate.Fast} {
			require.NotNil(t, b.o.sign(phase, id))
			require.Nil(t, b.o.sign(phase, otherID), "the key does not sign what was not recorded")
		}
		require.Nil(t, b.o.sign(certificate.Commit, id), "nor a phase that was not")
	}
}

// A machine that contradicted itself would be stopped before it wrote anything.
func TestAContradictionStopsTheReplicaBeforeItIsWritten(t *testing.T) {
	b := newReplicaBench(t)
	raw, id := b.proposal('a')
	require.Nil(t, b.receive(0, raw))
	b.events = nil
	id.Digest[0]++
	var refusal *ballot.Refusal
	panicked := b.do(func(c *shell.Context) {
		b.o.out.Records = append(b.o.out.Records, sbft.Vote{Phase: certificate.Prepare, Slot: id}.Record())
		b.o.complete(c)
	})
	require.ErrorAs(t, panicked.(error), &refusal)
	require.Empty(t, b.events)
}

// After f+1 complaints the move is durable before the view-change message leaves, and
// the key signs nothing of the old view any more, also after a restart.
func TestNoShareIsSignedInAViewThatWasLeft(t *testing.T) {
	b := newReplicaBench(t)
	raw, id := b.proposal('a')
	require.Nil(t, b.receive(0, raw))
	b.events, b.sent = nil, nil
	require.Nil(t, b.receive(0, encodeComplaint(0, b.complaint(0, 0))))
	require.NotNil(t, b.o.sign(certificate.Prepare, id), "one complaint moves nobody")
	require.Nil(t, b.receive(2, encodeComplaint(0, b.complaint(2, 0))))
	require.Equal(t, []string{"append", "sync", "send"}, b.events[:3])
	for range 2 {
		require.EqualValues(t, 1, b.o.machine.View())
		require.Nil(t, b.o.sign(certificate.Prepare, id))
		require.Nil(t, b.o.sign(certificate.Fast, id))
		require.Empty(t, b.votesSent())
		b.restart()
	}
}

// The new primary's one new-view message is noted, also over a restart: a second set for
// the same view gets no signature.
func TestOneNewViewMessageIsSigned(t *testing.T) {
	b := newReplicaBench(t)
	for _, from := range []ledger.ReplicaID{2, 3} {
		vc := b.sealed(&sbft.ViewChange{From: from, View: 1, Complaints: []sbft.Complaint{b.complaint(0, 0), b.complaint(3, 0)}})
		require.Nil(t, b.receive(from, encodeViewChange(vc)))
	}
	require.True(t, b.o.machine.Active())
	mine := b.o.machine.NewView()
	require.NotNil(t, mine)
	second := *mine
	second.Set = slices.Clone(mine.Set)
	second.Set[0].From = 0
	second.Seal(b.cfg.Params.Ledger, 0)
	for range 2 {
		require.NotEmpty(t, b.o.signNewView(mine))
		require.Empty(t, b.o.signNewView(&second))
		b.restart()
		mine = b.o.machine.NewView()
	}
	require.NotNil(t, mine, "what was entered stays entered")
}
