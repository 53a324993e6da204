package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// dialTimeout bounds the wait for a target that does not answer.
const dialTimeout = 2 * time.Second

// Stats count what a proxy did.
type Stats struct {
	Accepted, Refused, Reset int64
	Forward, Backward        int64 // bytes that arrived
	Lost                     int64 // bytes swallowed
}

// Proxy stands before one target.
type Proxy struct {
	target   string
	listener net.Listener
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup

	mu                             sync.Mutex
	condition                      Condition            // under mu
	changed                        chan struct{}        // under mu; closed at each change
	open                           map[*connection]bool // under mu
	accepted, refused, reset, lost atomic.Int64
	arrived                        [Both]atomic.Int64 // by way
}

// The ports of proxies lie below those that systems give out by themselves: a proxy
// must not take the port that a member was promised and does not listen on yet.
const (
	portFirst = 12_000
	ports     = 18_000
	tries     = 200
)

// listen finds a free port.
func listen(ctx context.Context) (l net.Listener, err error) {
	var lc net.ListenConfig
	for range tries {
		port := portFirst + rand.IntN(ports) // #nosec G404 -- any will do
		if l, err = lc.Listen(ctx, "tcp", fmt.Sprint("127.0.0.1:", port)); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// Start listens on a free port of this machine for a target.
func Start(target string) (*Proxy, error) {
	ctx, cancel := context.WithCancel(context.Background())
	l, err := listen(ctx)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("listen for %s: %w", target, err)
	}
	p := &Proxy{target: target, listener: l, ctx: ctx, cancel: cancel, changed: make(chan struct{}), open: map[*connection]bool{}}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where to dial instead of the target.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set changes the condition; connections that are there feel it at once.
func (p *Proxy) Set(c Condition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.condition = c
	close(p.changed)
	p.changed = make(chan struct{})
	for conn := range p.open {
		conn.obey(c)
	}
}

// Condition that holds now.
func (p *Proxy) Condition() Condition {
	c, _ := p.now()
	return c
}

// now is the condition, and a channel that is closed when there is another.
func (p *Proxy) now() (Condition, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.condition, p.changed
}

// Stats so far.
func (p *Proxy) Stats() Stats {
	return Stats{Accepted: p.accepted.Load(), Refused: p.refused.Load(), Reset: p.reset.Load(), Lost: p.lost.Load(),
		Forward: p.arrived[Forward].Load(), Backward: p.arrived[Backward].Load()}
}

// Open is the number of connections.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

// Close ends everything and waits for it.
func (p *Proxy) Close() {
	p.cancel()
	_ = p.listener.Close() // it only frees the port
	p.mu.Lock()
	for c := range p.open {
		c.end(false)
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // a connection that ended before it was taken
		}
		p.wg.Go(func() { p.serve(client) })
	}
}

// serve connects to the target and carries bytes until either side ends.
func (p *Proxy) serve(client net.Conn) {
	condition := p.Condition()
	if condition.Cut {
		p.refused.Add(1)
		abort(client)
		return
	}
	p.accepted.Add(1)
	c := &connection{proxy: p, client: client, done: make(chan struct{})}
	if !condition.HalfOpen {
		d := net.Dialer{Timeout: dialTimeout}
		target, err := d.DialContext(p.ctx, "tcp", p.target)
		if err != nil {
			p.refused.Add(1)
			abort(client)
			return
		}
		c.target = target
	}
	if p.register(c) {
		c.run()
		p.forget(c)
	}
}

// register fails when the condition became one under which it must not live.
func (p *Proxy) register(c *connection) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		c.end(false)
		return false
	}
	p.open[c] = true
	c.obey(p.condition)
	return true
}

func (p *Proxy) forget(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

// abort closes with a reset, as a crashed or unreachable peer would.
func abort(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // then it is an ordinary close
	}
	_ = c.Close() // either way nobody uses it any more
}
