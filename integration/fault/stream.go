package fault

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"time"
)

const (
	chunkBytes  = 16 << 10
	queueChunks = 64 // with chunkBytes: 1 MiB
)

// chunk is what one read gave.
type chunk struct {
	data   []byte
	at     time.Time // when it came
	jitter float64   // its share of the jitter
}

// stream is one way of a connection.
type stream struct {
	c     *connection
	way   Way
	from  net.Conn
	to    net.Conn // nil: nobody
	queue chan chunk
	free  time.Time // when the throttled line can take more; owned by write
}

// read takes bytes in; what must vanish vanishes here.
func (s *stream) read() {
	defer close(s.queue)
	for {
		buf := make([]byte, chunkBytes)
		n, err := s.from.Read(buf)
		switch {
		case n == 0:
		case s.c.proxy.Condition().loses(s.way):
			s.c.holed.Store(true)
			s.c.proxy.lost.Add(int64(n))
		default:
			// #nosec G404 -- the fault's own dice
			one := chunk{data: buf[:n], at: time.Now(), jitter: rand.Float64()}
			select {
			case s.queue <- one:
			case <-s.c.done:
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !s.c.proxy.Condition().HalfOpen {
				s.c.end(true)
			}
			return
		}
	}
}

// write passes chunks on when they are due, and then the end of the stream.
func (s *stream) write() {
	for one := range s.queue {
		if !s.due(one) || !s.deliver(one.data) {
			for range s.queue { // the reader must not wait for anybody
			}
			return
		}
	}
	if half, ok := s.to.(interface{ CloseWrite() error }); ok && !s.c.proxy.Condition().HalfOpen {
		_ = half.CloseWrite() // the other side may be gone
	}
}

// due waits until a chunk may leave; false: the connection ended first.
func (s *stream) due(one chunk) bool {
	for {
		now, changed := s.c.proxy.now()
		at := one.at.Add(now.Delay + time.Duration(one.jitter*float64(now.Jitter)))
		if now.BytesPerSecond > 0 && s.free.After(at) {
			at = s.free
		}
		wait := time.Until(at)
		if now.Hold&s.way == 0 && wait <= 0 {
			if now.BytesPerSecond > 0 {
				s.free = time.Now().Add(time.Duration(float64(len(one.data)) / float64(now.BytesPerSecond) * float64(time.Second)))
			}
			return true
		}
		var ready <-chan time.Time
		if now.Hold&s.way == 0 {
			ready = time.After(wait)
		}
		select {
		case <-ready:
		case <-changed:
		case <-s.c.done:
			return false
		}
	}
}

// deliver writes, and cuts in the middle when the condition says so.
func (s *stream) deliver(b []byte) bool {
	condition := s.c.proxy.Condition()
	if condition.loses(s.way) || s.to == nil {
		s.c.holed.Store(true)
		s.c.proxy.lost.Add(int64(len(b)))
		return true
	}
	carried := s.c.bytes.Add(int64(len(b)))
	cut := condition.ResetAfter > 0 && carried > condition.ResetAfter
	if cut {
		b = b[:max(0, int64(len(b))-(carried-condition.ResetAfter))]
	}
	n, err := s.to.Write(b)
	s.c.proxy.arrived[s.way].Add(int64(n))
	if cut || err != nil && !s.c.proxy.Condition().HalfOpen {
		s.c.end(true)
		return false
	}
	return true
}
