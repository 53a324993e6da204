package shell

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Behaviour is what an actor does. All its methods run on the actor's own
// goroutine, one at a time.
type Behaviour interface {
	// Start loads what the actor needs. It is called once per instance, before
	// any message; an error counts as a failure and is retried by supervision.
	Start(c *Context) error
	Receive(c *Context, msg any)
	// Stop releases what Start acquired. It is called on a stop and before a
	// restart, also after a panic in Receive.
	Stop()
}

// Flusher is a Behaviour that stages work during Receive and completes it here:
// called when the mailbox has run empty or FlushEvery messages were received.
type Flusher interface{ Flush(c *Context) }

// host runs one Behaviour instance inside the library's actor.
type host struct {
	system    *System
	spec      Spec
	behaviour Behaviour
	context   *Context
}

func (h *host) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		h.start(ctx)
	case *actor.Stopping, *actor.Restarting:
		h.stop()
	case *actor.Stopped, *actor.Terminated:
	case flushMessage:
		if f, ok := h.behaviour.(Flusher); ok {
			f.Flush(h.context)
		}
	case timerFired:
		if h.context.timers.take(msg) {
			h.deliver(nil, msg.msg)
		}
	default:
		h.deliver(ctx.Sender(), msg)
	}
}

func (h *host) deliver(sender PID, msg any) {
	if h.behaviour == nil {
		return
	}
	if h.system.cfg.Interceptor != nil {
		h.system.cfg.Interceptor(h.spec.Name, msg)
	}
	h.context.sender = sender
	h.behaviour.Receive(h.context, msg)
	h.context.sender = nil
}

func (h *host) start(ctx actor.Context) {
	h.behaviour = h.spec.New()
	h.context = &Context{system: h.system, self: ctx.Self(), timers: newTimers(h.system, ctx.Self()),
		logger: h.system.cfg.Logger.With("actor", h.spec.Name)}
	if err := h.behaviour.Start(h.context); err != nil {
		panic(startError{err})
	}
}

func (h *host) stop() {
	if h.context != nil {
		h.context.timers.stopAll()
	}
	if h.behaviour != nil {
		h.behaviour.Stop()
	}
}

// startError is a failed Start on its way to the supervisor.
type startError struct{ err error }

func (e startError) Error() string { return "start: " + e.err.Error() }
func (e startError) Unwrap() error { return e.err }

// Context is what a Behaviour may do to the world. It must not be kept beyond
// the call, nor used from another goroutine.
type Context struct {
	system *System
	self   PID
	sender PID
	timers *timers
	logger *slog.Logger
}

// Self is this actor's PID.
func (c *Context) Self() PID { return c.self }

// Sender is who told the current message; nil when nobody wants an answer.
func (c *Context) Sender() PID { return c.sender }

// Tell hands msg to another actor, with this one as the sender. It never blocks;
// a full mailbox drops by its lane's policy.
func (c *Context) Tell(to PID, msg any) {
	if to != nil {
		c.system.sys.Root.RequestWithCustomSender(to, msg, c.self)
	}
}

// After tells msg to this actor after d, replacing an earlier timer with the
// same key. Timers end with the instance that set them.
func (c *Context) After(key any, d time.Duration, msg any) { c.timers.set(key, d, msg) }

// Cancel drops the timer with that key, if there is one.
func (c *Context) Cancel(key any) { c.timers.cancel(key) }

// Logger is the actor's own.
func (c *Context) Logger() *slog.Logger { return c.logger }
