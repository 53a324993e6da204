package fault

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds what must happen; silence is how long nothing must.
const (
	patience = 10 * time.Second
	silence  = 150 * time.Millisecond
)

// echo is a server that answers with what it got, and tells how connections ended.
type echo struct {
	net.Listener
	wg    sync.WaitGroup
	ended chan error
	got   chan []byte
}

func startEcho(t *testing.T) *echo {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	e := &echo{Listener: l, ended: make(chan error, 100), got: make(chan []byte, 10_000)}
	e.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			e.wg.Go(func() { e.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		e.wg.Wait()
	})
	return e
}

func (e *echo) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		if n > 0 {
			e.got <- bytes.Clone(buf[:n])
			_, _ = c.Write(buf[:n])
		}
		if err != nil {
			e.ended <- err
			return
		}
	}
}

func start(t *testing.T) (*echo, *Proxy) {
	e := startEcho(t)
	p, err := Start(e.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() {
		p.Close()
		require.Zero(t, p.Open())
	})
	return e, p
}

func dial(t *testing.T, p *Proxy) net.Conn {
	c, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func say(t *testing.T, c net.Conn, text string) {
	_, err := c.Write([]byte(text))
	require.NoError(t, err)
}

func hear(t *testing.T, c net.Conn, text string) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	buf := make([]byte, len(text))
	_, err := io.ReadFull(c, buf)
	require.NoError(t, err)
	require.Equal(t, text, string(buf))
}

func hearNothing(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(silence)))
	n, err := c.Read(make([]byte, 1))
	require.Zero(t, n)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

// hearEnd waits for the connection to be reset or closed.
func hearEnd(t *testing.T, c net.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	_, err := io.Copy(io.Discard, c)
	require.False(t, errors.Is(err, os.ErrDeadlineExceeded), "it is still open")
}

// isRefused: a reset may come while dialling, or right after.
func isRefused(t *testing.T, p *Proxy) {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		return
	}
	defer func() { _ = c.Close() }()
	hearEnd(t, c)
}

func TestAGoodLinkPassesBothWaysAndTheEnd(t *testing.T) {
	e, p := start(t)
	c := dial(t, p)
	say(t, c, "hello")
	hear(t, c, "hello")
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	require.ErrorIs(t, <-e.ended, io.EOF)
	hearEnd(t, c)
	require.Equal(t, int64(5), p.Stats().Backward)
}

func TestACutResetsRefusesAndHeals(t *testing.T) {
	e, p := start(t)
	c := dial(t, p)
	say(t, c, "a")
	hear(t, c, "a")
	p.Set(Severed)
	hearEnd(t, c)
	require.Error(t, <-e.ended, "the target hears of it, too")
	isRefused(t, p)
	require.Equal(t, int64(1), p.Stats().Refused)
	p.Set(Condition{})
	c = dial(t, p)
	say(t, c, "b")
	hear(t, c, "b")
}

func TestABlackHoleMayBeOfOneWay(t *testing.T) {
	e, p := start(t)
	c := dial(t, p)
	say(t, c, "a")
	hear(t, c, "a")
	<-e.got
	p.Set(Condition{Swallow: Backward})
	say(t, c, "b")
	require.Equal(t, "b", string(<-e.got), "the target hears")
	hearNothing(t, c)
	p.Set(Condition{Swallow: Forward | Backward})
	say(t, c, "c")
	hearNothing(t, c)
	require.Empty(t, e.got)
	p.Set(Condition{})
	hearEnd(t, c) // bytes are missing: nobody could read on
	require.Equal(t, int64(2), p.Stats().Lost)
}

func TestWhatIsHeldArrivesLateAndInOrder(t *testing.T) {
	e, p := start(t)
	c := dial(t, p)
	p.Set(Condition{Hold: Forward})
	for _, text := range []string{"1", "2", "3"} {
		say(t, c, text)
	}
	hearNothing(t, c)
	require.Empty(t, e.got)
	p.Set(Condition{})
	hear(t, c, "123")
}

func TestWhatIsHeldIsBounded(t *testing.T) {
	_, p := start(t)
	c := dial(t, p)
	p.Set(Stalled)
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Second)))
	var written int64
	for block := make([]byte, 1<<20); ; {
		n, err := c.Write(block)
		written += int64(n)
		if err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			break
		}
		require.Less(t, written, int64(64<<20), "a stalled link takes no end of bytes")
	}
}

func TestDelayAndBandwidth(t *testing.T) {
	_, p := start(t)
	c := dial(t, p)
	p.Set(Condition{Delay: 40 * time.Millisecond, Jitter: 10 * time.Millisecond})
	begun := time.Now()
	say(t, c, "x")
	hear(t, c, "x")
	require.GreaterOrEqual(t, time.Since(begun), 80*time.Millisecond)
	p.Set(Condition{BytesPerSecond: 200_000})
	begun = time.Now()
	text := string(bytes.Repeat([]byte("y"), 60_000))
	say(t, c, text)
	hear(t, c, text)
	require.GreaterOrEqual(t, time.Since(begun), 150*time.Millisecond)
}

func TestAHalfOpenConnectionIsKnownToOneSideOnly(t *testing.T) {
	e, p := start(t)
	c := dial(t, p)
	say(t, c, "a")
	hear(t, c, "a")
	<-e.got
	p.Set(Condition{HalfOpen: true})
	require.Error(t, <-e.ended)
	say(t, c, "b")
	hearNothing(t, c)
	fresh := dial(t, p)
	say(t, fresh, "c")
	hearNothing(t, fresh)
	require.Empty(t, e.got)
	p.Set(Condition{})
	hearEnd(t, c)
	hearEnd(t, fresh)
}

func TestAResetInTheMiddleOfAMessage(t *testing.T) {
	e, p := start(t)
	p.Set(Condition{ResetAfter: 10})
	c := dial(t, p)
	_, _ = c.Write(bytes.Repeat([]byte("z"), 25))
	hearEnd(t, c)
	require.Error(t, <-e.ended)
	require.LessOrEqual(t, p.Stats().Forward, int64(10))
	require.Equal(t, int64(1), p.Stats().Reset)
}

func TestATargetThatIsNotThere(t *testing.T) {
	e, p := start(t)
	_ = e.Close()
	isRefused(t, p)
}
