package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/ledger"
)

// After a repair the chain is loaded as of what is durable, while storage goes on with
// what it was given before: then blocks are durable when they are executed again.
func TestABlockThatIsStoredAlreadyDoesNotWaitToBeStored(t *testing.T) {
	b := newBench(t)
	e := &execution{cfg: &Config{}, chain: b.chain, waiting: map[ledger.Height]*actorspb.ExecutedBlock{}}
	decide := func(h ledger.Height) {
		b.now += ledger.Time(time.Second)
		tx := b.tx("alice@a", string(rune('a'+h)), "note", "", time.Minute)
		e.onDecided(nil, actorspb.Decided{Height: h, Body: ledger.NewBody(ledger.ID{1}, ledger.Proposal{Time: b.now, Txs: [][]byte{tx}})})
	}
	e.onPersisted(5)
	for h := ledger.Height(1); h <= 7; h++ {
		decide(h)
	}
	require.Equal(t, ledger.Height(7), e.chain.height)
	require.Len(t, e.waiting, 2, "blocks 6 and 7")
	require.Equal(t, ledger.Height(5), e.chain.values.durable)
	e.onPersisted(7)
	require.Empty(t, e.waiting)
	require.Empty(t, e.chain.values.fresh, "the store has all of them")
}
