package sbft

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// After a view change the fast path is tried only when everyone has been seen in the
// new view: the primary that died voted a moment ago, and each slot that waits for its
// share would cost a timeout.
func TestANewViewDoesNotWaitForWhoDiedBeforeIt(t *testing.T) {
	q := quorum.Config{F: 1}
	p := newPathPolicy(q.N())
	for id := range q.N() {
		p.answered(ledger.ReplicaID(id), 100) // #nosec G115 -- below n
	}
	p.enter()
	slot := func(seq ledger.Seq, voters int) {
		for id := range voters {
			p.answered(ledger.ReplicaID(id+1), seq) // #nosec G115 -- below n
		}
		p.committed(seq, false, q)
	}
	for seq := ledger.Seq(101); seq < 101+pathFirst; seq++ {
		slot(seq, 3)
	}
	require.Equal(t, PathSlow, p.now, "replica 0 is gone")
	for seq := ledger.Seq(200); seq < 200+pathPeriod; seq++ {
		p.answered(0, seq)
		slot(seq, 3)
	}
	require.Equal(t, PathFast, p.now, "it is back")
}
