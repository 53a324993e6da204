// Package fault puts a TCP proxy into each directed link between the processes of a
// network, so that tests can delay, hold, cut and reset what passes.
package fault

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// Proxy forwards connections to one address, badly when told so. What its holder does
// to it counts for connections that exist, and for those to come.
type Proxy struct {
	target   string
	listener net.Listener
	wg       sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	open   chan struct{} // closed while bytes may pass
	cut    bool
	delay  time.Duration
	jitter time.Duration
	closed bool
}

// Listen starts a proxy for a target on a free port of this machine.
func Listen(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a fault proxy: %w", err)
	}
	p := &Proxy{target: target, listener: l, conns: map[net.Conn]struct{}{}, open: make(chan struct{})}
	close(p.open)
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(c) })
	}
}

// serve connects one client with the target until either ends.
func (p *Proxy) serve(c net.Conn) {
	defer p.forget(c)
	if !p.keep(c) {
		return
	}
	t, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		return
	}
	defer p.forget(t)
	if !p.keep(t) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.pump(t, c) })
	both.Go(func() { p.pump(c, t) })
	both.Wait()
}

// keep remembers a connection; false: it must not be.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut || p.closed {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) forget(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// chunk is what was read, and when it may be written.
type chunk struct {
	data []byte
	due  time.Time
}

// chunksMax bounds what a direction holds; beyond it the sender feels it.
const chunksMax = 256

// pump copies one direction, delayed, and stands still while the link is held.
func (p *Proxy) pump(to, from net.Conn) {
	queue := make(chan chunk, chunksMax)
	var writer sync.WaitGroup
	writer.Go(func() {
		for c := range queue {
			time.Sleep(time.Until(c.due)) // the delay itself; nothing is waited for
			<-p.gate()
			if _, err := to.Write(c.data); err != nil {
				_ = from.Close()
			}
		}
	})
	for {
		buf := make([]byte, 32<<10)
		n, err := from.Read(buf)
		if n > 0 {
			queue <- chunk{buf[:n], time.Now().Add(p.lag())}
		}
		if err != nil {
			break
		}
	}
	close(queue)
	writer.Wait()
	_ = to.Close()
}

func (p *Proxy) gate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open
}

func (p *Proxy) lag() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.jitter > 0 {
		return p.delay + rand.N(p.jitter) // #nosec G404 -- jitter
	}
	return p.delay
}

// Delay makes everything that passes later.
func (p *Proxy) Delay(d, jitter time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay, p.jitter = d, jitter
}

// Hold lets nothing pass, and loses nothing: a black hole behind which TCP waits.
func (p *Proxy) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
		p.open = make(chan struct{})
	default:
	}
}

// Cut resets all connections and refuses new ones.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for c := range p.conns {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
}

// Heal ends whatever was done.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.delay, p.jitter = false, 0, 0
	p.release()
}

func (p *Proxy) release() {
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// Close ends the proxy and waits for its goroutines.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.release()
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
