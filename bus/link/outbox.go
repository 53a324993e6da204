package link

import (
	"sync"

	"github.com/concordat-ledger/concordat/bus"
)

type message struct {
	target  string
	payload []byte
}

// outbox is a bounded queue. When it is full the oldest messages give way: the
// protocol repeats what matters, and new messages matter more.
type outbox struct {
	mu       sync.Mutex
	queue    []message // under mu
	head     int       // under mu
	bytes    int       // under mu
	limitN   int
	limitB   int
	wake     chan struct{} // capacity 1
	onDrop   func(bus.DropReason)
	isClosed bool // under mu
}

func newOutbox(l bus.Limits, onDrop func(bus.DropReason)) *outbox {
	return &outbox{limitN: l.OutboxMessages, limitB: l.OutboxBytes, wake: make(chan struct{}, 1), onDrop: onDrop}
}

// push never blocks; it reports whether older messages had to give way.
func (o *outbox) push(m message) (dropped int) {
	o.mu.Lock()
	if o.isClosed {
		o.mu.Unlock()
		return 0
	}
	for o.lenLocked() > 0 && (o.lenLocked() >= o.limitN || o.bytes+len(m.payload) > o.limitB) {
		o.popLocked()
		dropped++
	}
	o.queue = append(o.queue, m)
	o.bytes += len(m.payload)
	o.mu.Unlock()
	for range dropped {
		o.onDrop(bus.DropOutboxFull)
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return dropped
}

func (o *outbox) lenLocked() int { return len(o.queue) - o.head }

func (o *outbox) popLocked() message {
	m := o.queue[o.head]
	o.queue[o.head] = message{}
	o.head++
	o.bytes -= len(m.payload)
	if o.head == len(o.queue) {
		o.queue, o.head = o.queue[:0], 0
	} else if o.head > 1024 && o.head*2 > len(o.queue) {
		o.queue = append(o.queue[:0], o.queue[o.head:]...)
		o.head = 0
	}
	return m
}

func (o *outbox) pop() (message, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lenLocked() == 0 {
		return message{}, false
	}
	return o.popLocked(), true
}

func (o *outbox) size() (messages, bytes int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lenLocked(), o.bytes
}
