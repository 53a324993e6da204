package shell

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// FlushEvery bounds how many messages a Flusher may stage before its Flush.
const FlushEvery = 256

// Overflow says which message gives way when a lane is full.
type Overflow uint8

// The policies.
const (
	DropNewest Overflow = iota // the arriving message: senders repeat themselves
	DropOldest                 // the longest waiting: newer news replaces older
)

// Lane is a bounded queue of a mailbox. Lanes are served in their order.
type Lane struct {
	Name     string
	Capacity int
	Overflow Overflow
}

// flushMessage is delivered when the lanes have run empty.
type flushMessage struct{}

// mailbox implements actor.Mailbox. The library's own bounded mailboxes spin a
// core when full (a blocked sender, or a dropped message's counter that is never
// taken back), hence this one.
type mailbox struct {
	lanes  []Lane
	lane   func(msg any) int // index into lanes
	onDrop func(lane string)
	flush  bool

	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher

	mu        sync.Mutex
	queues    []ring // under mu
	system    []any  // under mu; unbounded, posted by the library alone
	count     int    // under mu; user messages queued
	started   bool   // under mu; before, messages wait: a PID is known before its actor runs
	running   bool   // under mu
	suspended bool   // under mu
	staged    int    // owned by the running goroutine
}

func newMailbox(lanes []Lane, lane func(any) int, flush bool, onDrop func(string)) *mailbox {
	m := &mailbox{lanes: lanes, lane: lane, onDrop: onDrop, flush: flush}
	for _, l := range lanes {
		m.queues = append(m.queues, ring{limit: l.Capacity})
	}
	return m
}

// PostUserMessage queues a message; it never blocks.
func (m *mailbox) PostUserMessage(message any) {
	body := actor.UnwrapEnvelopeMessage(message)
	at := 0
	if m.lane != nil {
		at = min(max(m.lane(body), 0), len(m.lanes)-1)
	}
	m.mu.Lock()
	q := &m.queues[at]
	dropped := false
	if q.full() {
		dropped = true
		if m.lanes[at].Overflow == DropOldest {
			q.pop()
			m.count--
		}
	}
	if !q.full() {
		q.push(message)
		m.count++
	}
	start := m.wakeLocked()
	m.mu.Unlock()
	if dropped {
		m.onDrop(m.lanes[at].Name)
	}
	if start {
		m.dispatcher.Schedule(m.process)
	}
}

// PostSystemMessage queues a message of the library.
func (m *mailbox) PostSystemMessage(message any) {
	m.mu.Lock()
	m.system = append(m.system, message)
	start := m.wakeLocked()
	m.mu.Unlock()
	if start {
		m.dispatcher.Schedule(m.process)
	}
}

func (m *mailbox) wakeLocked() bool {
	if !m.started || m.running || (len(m.system) == 0 && (m.suspended || m.count == 0)) {
		return false
	}
	m.running = true
	return true
}

// RegisterHandlers is called once by the library, before Start.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.invoker, m.dispatcher = invoker, dispatcher
}

// Start is called once by the library, after RegisterHandlers and after the first
// system message was posted.
func (m *mailbox) Start() {
	m.mu.Lock()
	m.started = true
	start := m.wakeLocked()
	m.mu.Unlock()
	if start {
		m.dispatcher.Schedule(m.process)
	}
}

// UserMessageCount is the number of messages waiting in all lanes.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count
}

// process runs until nothing is left. A panic ends one run, is reported to the
// supervisor, and the loop goes on with what the supervisor says.
func (m *mailbox) process() {
	for m.run() {
	}
}

// run returns true when it must be called again, after a panic.
func (m *mailbox) run() (again bool) {
	var msg any
	defer func() {
		if r := recover(); r != nil {
			m.staged = 0
			m.mu.Lock()
			m.suspended = true // nothing more until the supervisor has decided
			m.mu.Unlock()
			m.invoker.EscalateFailure(r, msg)
			again = true
		}
	}()
	for {
		system, user, ok := m.take()
		switch {
		case !ok:
			return false
		case system != nil:
			msg = system
			m.invokeSystem(system)
		default:
			msg = user
			m.invoker.InvokeUserMessage(user)
		}
	}
}

func (m *mailbox) invokeSystem(msg any) {
	switch msg.(type) {
	case *actor.SuspendMailbox:
		m.setSuspended(true)
	case *actor.ResumeMailbox:
		m.setSuspended(false)
	default:
		m.invoker.InvokeSystemMessage(msg)
	}
}

func (m *mailbox) setSuspended(v bool) {
	m.mu.Lock()
	m.suspended = v
	m.mu.Unlock()
}

// take returns the next message, a flush when one is due, or false after having
// marked the mailbox idle.
func (m *mailbox) take() (system, user any, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.system) > 0 {
		system = m.system[0]
		m.system = m.system[1:]
		return system, nil, true
	}
	if !m.suspended {
		if m.flush && (m.staged >= FlushEvery || (m.count == 0 && m.staged > 0)) {
			m.staged = 0
			return nil, flushMessage{}, true
		}
		for i := range m.queues {
			if msg, got := m.queues[i].pop(); got {
				m.count--
				m.staged++
				return nil, msg, true
			}
		}
	}
	m.running = false
	return nil, nil, false
}

// ring is a bounded queue that grows as needed up to its limit.
type ring struct {
	buf   []any
	head  int
	size  int
	limit int
}

func (r *ring) full() bool { return r.size >= r.limit }

func (r *ring) push(v any) {
	if r.size == len(r.buf) {
		grown := make([]any, max(16, 2*len(r.buf)))
		for i := range r.size {
			grown[i] = r.buf[(r.head+i)%len(r.buf)]
		}
		r.buf, r.head = grown, 0
	}
	r.buf[(r.head+r.size)%len(r.buf)] = v
	r.size++
}

func (r *ring) pop() (any, bool) {
	if r.size == 0 {
		return nil, false
	}
	v := r.buf[r.head]
	r.buf[r.head] = nil
	r.head = (r.head + 1) % len(r.buf)
	r.size--
	return v, true
}
