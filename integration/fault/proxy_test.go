package fault

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo answers every byte with itself.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	return l.Addr().String()
}

func TestAProxyDelaysHoldsCutsAndHeals(t *testing.T) {
	p, err := Listen(echo(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	c, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	round := func(limit time.Duration) (time.Duration, error) {
		start := time.Now()
		if _, err := c.Write([]byte("x")); err != nil {
			return 0, err
		}
		_ = c.SetReadDeadline(time.Now().Add(limit))
		_, err := io.ReadFull(c, make([]byte, 1))
		return time.Since(start), err
	}
	_, err = round(5 * time.Second)
	require.NoError(t, err)
	p.Delay(50*time.Millisecond, 10*time.Millisecond)
	took, err := round(5 * time.Second)
	require.NoError(t, err)
	require.GreaterOrEqual(t, took, 100*time.Millisecond, "there and back")
	p.Heal()
	p.Hold()
	_, err = round(100 * time.Millisecond)
	require.Error(t, err, "nothing passes")
	p.Heal()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	_, err = io.ReadFull(c, make([]byte, 1))
	require.NoError(t, err, "what was held comes")
	p.Cut()
	_, err = round(5 * time.Second)
	require.Error(t, err)
	p.Heal()
	c, err = net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	_, err = round(5 * time.Second)
	require.NoError(t, err)
	require.NoError(t, c.Close())
}
