package transfer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
)

// Whoever claims the most is not asked every time: it may be a liar.
func TestBlocksComeFromEveryone(t *testing.T) {
	p := DefaultParams(0, 4, 2, 64)
	m := New(p, 0, 0)
	m.OnPeer(1, 1<<60)
	m.OnPeer(2, 100_000)
	m.OnPeer(3, 90_000)
	asked := map[ledger.ReplicaID]int{}
	local := ledger.Height(0)
	for now := int64(0); now < 60_000*ms; now += 10 * ms {
		f := m.Next(now)
		if f == nil {
			continue
		}
		asked[f.From]++
		require.Equal(t, f.Height, m.Awaited())
		require.LessOrEqual(t, f.Height+ledger.Height(f.Blocks), local+2*ledger.Height(p.Blocks)+1, "not more ahead than is kept")
		if f.From == 1 {
			m.OnReply(1, f.Request, 0, false, now) // what it sent does not begin where it should
			continue
		}
		m.OnReply(f.From, f.Request, int(f.Blocks), true, now)
		local += ledger.Height(f.Blocks)
		m.OnLocal(local, now)
	}
	require.Zero(t, m.Awaited())
	require.GreaterOrEqual(t, local, ledger.Height(90_000))
	require.Less(t, asked[1], 20)
	require.Greater(t, asked[2], 100)
	require.Greater(t, asked[3], 100)
}

// On a slow line a reply of many blocks would always come too late.
func TestFewerBlocksAreAskedForOnASlowLine(t *testing.T) {
	p := DefaultParams(0, 4, 2, 64)
	m := New(p, 0, 0)
	for i := range ledger.ReplicaID(3) {
		m.OnPeer(i+1, 2000)
	}
	type reply struct {
		at int64
		f  Fetch
	}
	var due []reply
	local := ledger.Height(0)
	now := int64(0)
	for ; local < 2000; now += 10 * ms {
		require.Less(t, now, int64(200_000*ms))
		for len(due) > 0 && due[0].at <= now {
			f := due[0].f
			due = due[1:]
			if m.Wants(f.From, f.Request) {
				m.OnReply(f.From, f.Request, int(f.Blocks), true, now)
				local = f.Height + ledger.Height(f.Blocks) - 1
				m.OnLocal(local, now)
			}
		}
		if f := m.Next(now); f != nil {
			due = append(due, reply{now + int64(f.Blocks)*25*ms, *f}) // 128 of them take 3.2 s
		}
	}
}
