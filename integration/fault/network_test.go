package fault

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mesh connects three members that all dial each other.
func mesh(t *testing.T) *Network {
	n := NewNetwork()
	t.Cleanup(n.Close)
	members := []string{"a", "b", "c"}
	for _, to := range members {
		e := startEcho(t)
		for _, from := range members {
			if from != to {
				_, err := n.Connect(from, to, e.Addr().String())
				require.NoError(t, err)
			}
		}
	}
	_, err := n.Connect("a", "b", "127.0.0.1:1")
	require.Error(t, err, "each link once")
	return n
}

// passes tells whether one byte goes from a to b and back.
func passes(t *testing.T, n *Network, from, to string) bool {
	c, err := net.Dial("tcp", n.Proxy(from, to).Addr())
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	_, _ = c.Write([]byte("x"))
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	got, err := c.Read(make([]byte, 1))
	return err == nil && got == 1
}

func TestPartitionsByName(t *testing.T) {
	n := mesh(t)
	all := n.Links(func(Link) bool { return true })
	require.Len(t, all, 6)
	check := func(severed ...Link) {
		t.Helper()
		for _, l := range all {
			want := true
			for _, s := range severed {
				want = want && s != l
			}
			require.Equal(t, want, passes(t, n, l.From, l.To), "%v", l)
		}
	}
	check()
	n.Partition([]string{"a"}, []string{"b", "c"})
	check(Link{"a", "b"}, Link{"b", "a"}, Link{"a", "c"}, Link{"c", "a"})
	n.Heal()
	n.OneWay("a", "b")
	check(Link{"a", "b"})
	n.Heal()
	n.Isolate("c")
	check(Link{"a", "c"}, Link{"b", "c"}, Link{"c", "a"}, Link{"c", "b"})
	n.Heal()
	n.Set(Severed, append(n.From("a"), n.To("a")...)...)
	check(Link{"a", "b"}, Link{"b", "a"}, Link{"a", "c"}, Link{"c", "a"})
	n.Heal()
	check()
}

func TestAFlappingLinkIsGoodAndBadByTurns(t *testing.T) {
	n := mesh(t)
	stop := n.Flap(30*time.Millisecond, 30*time.Millisecond, Link{"a", "b"})
	var seen [2]int
	for deadline := time.Now().Add(patience); (seen[0] < 2 || seen[1] < 2) && time.Now().Before(deadline); {
		if passes(t, n, "a", "b") {
			seen[1]++
		} else {
			seen[0]++
		}
	}
	stop()
	require.GreaterOrEqual(t, seen[0], 2, "severed")
	require.GreaterOrEqual(t, seen[1], 2, "good")
	require.True(t, passes(t, n, "a", "b"), "it is left good")
	n.Flap(time.Hour, time.Hour, Link{"a", "c"}) // ended by Close
}
