package pool

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
)

func request(n byte, expires ledger.Time) Request {
	return Request{ID: ledger.Hash{n}, Command: ledger.Hash{1, n}, Party: "a", Envelope: []byte{n, n, n}, Expires: expires}
}

func TestADrawKeepsOrderAndBounds(t *testing.T) {
	p := New(Limits{Transactions: 5, Bytes: 100, PerParty: 4, Again: 10})
	for n := range byte(4) {
		v, _ := p.Add(request(n, 1000))
		require.Equal(t, Added, v)
	}
	v, _ := p.Add(request(0, 1000))
	require.Equal(t, Known, v)
	same := request(9, 1000)
	same.Command = request(2, 0).Command
	v, id := p.Add(same)
	require.Equal(t, Taken, v)
	require.Equal(t, ledger.Hash{2}, id)
	v, _ = p.Add(request(5, 1000))
	require.Equal(t, PartyFull, v)
	require.Equal(t, [][]byte{{0, 0, 0}, {1, 1, 1}}, p.Draw(1, 2, 100))
	require.Equal(t, [][]byte{{2, 2, 2}}, p.Draw(1, 9, 4), "bytes bound it, one always fits")
	p.Executed([]ledger.Hash{{0}})
	require.Empty(t, p.Tick(11))
	require.Equal(t, [][]byte{{3, 3, 3}, {1, 1, 1}, {2, 2, 2}}, p.Draw(12, 9, 100), "what was drawn and not executed comes again")
	require.Empty(t, p.Tick(13))
	p.Tick(30)
	require.Len(t, p.Tick(1001), 3)
	require.Zero(t, p.Len())
}

func TestCountsStayTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := New(Limits{Transactions: 20, Bytes: 60, PerParty: 50, Again: 5})
		held := map[byte]bool{}
		now := ledger.Time(1)
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			now++
			n := byte(rapid.IntRange(0, 30).Draw(t, "n"))
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0:
				if v, _ := p.Add(request(n, now+ledger.Time(rapid.IntRange(1, 40).Draw(t, "ttl")))); v == Added {
					held[n] = true
				}
			case 1:
				p.Draw(now, rapid.IntRange(1, 5).Draw(t, "count"), 9)
			case 2:
				p.Executed([]ledger.Hash{{n}})
				delete(held, n)
			case 3:
				p.Tick(now)
			}
			waiting, bytes := p.Waiting()
			require.LessOrEqual(t, waiting, p.Len())
			require.Equal(t, 3*waiting, bytes)
			require.LessOrEqual(t, p.Len(), len(held))
			require.Equal(t, 3*p.Len(), p.bytes)
		}
	})
}

// A held transaction is not offered, and does not count as one that waits, until it is
// released or its time has come; it is executed, expires and is known like any other.
func TestAHeldTransactionWaitsForItsRelease(t *testing.T) {
	held := func(n byte, until, expires ledger.Time) Request {
		return Request{ID: ledger.Hash{n}, Command: ledger.Hash{n, 1}, Party: "a", Envelope: []byte{n}, Expires: expires, Held: until}
	}
	p := New(DefaultLimits())
	add := func(r Request) {
		verdict, _ := p.Add(r)
		require.Equal(t, Added, verdict)
	}
	add(held(1, 100, 1000))
	add(held(2, 100, 1000))
	add(held(3, 0, 1000))
	verdict, _ := p.Add(held(1, 0, 1000))
	require.Equal(t, Known, verdict)
	n, size := p.Waiting()
	require.Equal(t, []int{1, 1, 3}, []int{n, size, p.Len()})
	require.EqualValues(t, 3, p.Oldest(), "who is held is no reason to complain about the primary")
	require.Equal(t, [][]byte{{3}}, p.Waiters(10, 0))
	require.Equal(t, [][]byte{{3}}, p.Draw(1, 10, 100))

	p.Release(ledger.Hash{2})
	p.Release(ledger.Hash{2})
	p.Release(ledger.Hash{9})
	require.Equal(t, [][]byte{{2}}, p.Draw(2, 10, 100))
	require.Empty(t, p.Tick(99))
	require.Empty(t, p.Draw(99, 10, 100))
	require.Empty(t, p.Tick(100))
	require.Equal(t, [][]byte{{1}}, p.Draw(100, 10, 100), "it was held long enough")

	add(held(4, 5000, 6000))
	add(held(5, 5000, 2000))
	p.Executed([]ledger.Hash{{4}})
	p.Release(ledger.Hash{4})
	require.Equal(t, []ledger.Hash{{5}}, p.Tick(2000), "it expires while it is held")
	n, size = p.Waiting()
	require.Equal(t, []int{0, 0}, []int{n, size})
	p.Executed([]ledger.Hash{{1}, {2}, {3}})
	require.Zero(t, p.Len())
}
