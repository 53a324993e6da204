package fault

import (
	"net"
	"sync"
	"sync/atomic"
)

// connection is one that is carried. Its four goroutines belong to run.
type connection struct {
	proxy  *Proxy
	client net.Conn
	target net.Conn // nil: half open from the beginning
	done   chan struct{}
	once   sync.Once
	holed  atomic.Bool  // bytes of it vanished
	bytes  atomic.Int64 // carried, both ways
}

// obey applies what a new condition means for a connection that is there.
func (c *connection) obey(now Condition) {
	switch {
	case now.Cut:
		c.end(true)
	case now.HalfOpen:
		c.holed.Store(true)
		if c.target != nil {
			_ = c.target.Close() // the target hears of it
		}
	case c.holed.Load() && now.Swallow == 0, c.target == nil:
		c.end(true)
	}
}

// end closes both sides, once.
func (c *connection) end(reset bool) {
	c.once.Do(func() {
		if reset {
			c.proxy.reset.Add(1)
		}
		close(c.done)
		for _, side := range []net.Conn{c.client, c.target} {
			if side == nil {
				continue
			}
			if reset {
				abort(side)
			} else {
				_ = side.Close() // nobody uses it any more
			}
		}
	})
}

// run carries both ways and returns when both have ended.
func (c *connection) run() {
	var wg sync.WaitGroup
	wg.Go(func() {
		c.carry(&stream{c: c, way: Forward, from: c.client, to: c.target, queue: make(chan chunk, queueChunks)})
	})
	if c.target != nil {
		wg.Go(func() {
			c.carry(&stream{c: c, way: Backward, from: c.target, to: c.client, queue: make(chan chunk, queueChunks)})
		})
	}
	wg.Wait()
	c.end(false)
}

// carry ends when the stream has ended and all of it was written.
func (c *connection) carry(s *stream) {
	var wg sync.WaitGroup
	wg.Go(s.read)
	s.write()
	wg.Wait()
}
