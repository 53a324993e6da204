package consensus

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// promised tells whether anything left that says what the replica stands for.
func (b *replicaBench) promised() bool {
	for _, raw := range b.sent {
		m, err := b.cfg.Ingress(1, raw)
		require.NoError(b.t, err)
		switch m.(type) {
		case sbft.PeerStatus, sbft.CommitProof, sbft.Prepare, sbft.FetchBody, sbft.FetchNewView, sbft.Checkpoint:
		default:
			return true
		}
	}
	return false
}

// A replica that has lost its votes tells how far it is and nothing else, until a
// checkpoint settles every slot that it can have voted for; also after a restart.
func TestOnProbationNothingIsPromised(t *testing.T) {
	b := newReplicaBench(t)
	saved, ended := ledger.Seq(0), 0
	probation := func(until ledger.Seq) *Probation {
		return &Probation{Until: until, Save: func(until ledger.Seq) error { saved = until; return nil }, End: func() error { ended++; return nil }}
	}
	status := func(from ledger.ReplicaID, executed ledger.Height) {
		require.Nil(t, b.do(func(c *shell.Context) {
			b.o.Receive(c, sbft.PeerStatus{From: from, Active: true, Executed: executed})
			b.o.Flush(c)
		}))
	}
	b.cfg.Probation = probation(0)
	b.restart()
	raw, _ := b.proposal('a')
	complaints := []sbft.Input{}
	for _, from := range []ledger.ReplicaID{0, 2} {
		c := sbft.Complaint{From: from, View: 0, Signature: []byte("checked before")}
		complaints = append(complaints, c)
	}
	require.Nil(t, b.receive(0, raw))
	require.Nil(t, b.do(func(c *shell.Context) { b.o.Receive(c, complaints[0]); b.o.Receive(c, complaints[1]); b.o.Flush(c) }))
	require.Equal(t, ledger.View(1), b.o.machine.View(), "it follows the others")
	require.False(t, b.promised())
	require.Zero(t, saved)
	window := ledger.Seq(b.cfg.Params.Window) // #nosec G115 -- positive
	status(1, 1<<40)                          // itself
	status(0, 0)                              // one of f: it lies, or it has an empty disk, too
	status(2, 100)
	require.Zero(t, saved, "2f + c + 1 have to speak")
	status(0, 1<<30)
	require.Zero(t, saved, "each counts once")
	status(3, 5000)
	require.Equal(t, 5000+2*window, saved, "the highest of three: two of them may be behind the checkpoint above which it voted")
	b.cfg.Probation.heard = nil
	status(0, 1<<40)
	status(2, 100)
	status(3, 90)
	require.Equal(t, 5000+2*window, saved, "it does not rise")

	b.cfg.Probation = probation(saved)
	b.restart()
	stable := func(seq ledger.Seq) {
		in := sbft.Checkpoint{Seq: seq, Digest: ledger.Hash{1}, Certificate: certificate.Certificate("checked before")}
		require.Nil(t, b.do(func(c *shell.Context) { b.o.Receive(c, in); b.o.Flush(c) }))
	}
	stable(saved - 4)
	require.Zero(t, ended)
	require.NotNil(t, b.cfg.Probation)
	require.False(t, b.promised())
	stable(saved + 16)
	require.Equal(t, 1, ended)
	require.Nil(t, b.cfg.Probation)
}
