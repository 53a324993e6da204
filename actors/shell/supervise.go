package shell

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Restart policy. The library's exponential strategy is linear and never gives
// up, hence our own: the delay doubles with every failure inside the window, and
// after failuresMax of them the process is told to stop, because an actor that
// cannot start from what is durable will not start the next time either.
const (
	restartDelayFirst = 10 * time.Millisecond
	restartDelayMax   = 2 * time.Second
	failuresWindow    = 30 * time.Second
	failuresMax       = 12

	repairDelay = 500 * time.Millisecond
	repairsMax  = 40
)

// Unrecoverable marks an error that no restart can cure, such as a vote log
// that can no longer be written. A behaviour panics with it.
type Unrecoverable struct{ Err error }

func (u *Unrecoverable) Error() string { return u.Err.Error() }

// Unwrap gives the cause.
func (u *Unrecoverable) Unwrap() error { return u.Err }

type supervision struct {
	system  *System
	waiting map[string]int // for a repair, by actor; on the root supervisor's goroutine
}

// damaged reports whether an error comes of something damaged on the disk, which is being
// repaired meanwhile.
func damaged(err error) bool {
	var d interface{ Damaged() bool }
	return errors.As(err, &d) && d.Damaged()
}

// await starts an actor again after a while, without holding against it that what it
// reads is damaged; for so long, that is.
func (v *supervision) await(supervisor actor.Supervisor, child *actor.PID, err error) {
	if v.waiting == nil {
		v.waiting = map[string]int{}
	}
	v.waiting[child.Id]++
	if n := v.waiting[child.Id]; n == 1 {
		v.system.cfg.Logger.Warn("an actor waits until the store is repaired", "actor", child.Id, "error", err)
	} else if n > repairsMax {
		v.system.fail(fmt.Errorf("actor %s waited for a repair that did not come: %w", child.Id, err))
		return
	}
	time.AfterFunc(repairDelay, func() { supervisor.RestartChildren(child) })
}

// HandleFailure implements actor.SupervisorStrategy; it runs on the root
// supervisor's goroutine.
func (v *supervision) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID,
	stats *actor.RestartStatistics, reason, message any) {
	err, ok := reason.(error)
	if !ok {
		err = fmt.Errorf("%v", reason)
	}
	var fatal *Unrecoverable
	if damaged(err) && !errors.As(err, &fatal) {
		v.await(supervisor, child, err)
		return
	}
	delete(v.waiting, child.Id)
	stats.Fail()
	failures := stats.NumberOfFailures(failuresWindow)
	v.system.metrics.failure(child.Id)
	v.system.cfg.Logger.Error("an actor failed and will be restarted",
		"actor", child.Id, "error", err, "message", fmt.Sprintf("%T", message), "failures", failures)
	if errors.As(err, &fatal) || failures > failuresMax {
		v.system.fail(fmt.Errorf("actor %s failed %d times, last: %w", child.Id, failures, err))
		return
	}
	delay := min(restartDelayFirst<<min(failures-1, 20), restartDelayMax)
	time.AfterFunc(delay, func() { supervisor.RestartChildren(child) })
}

// Stack is the current goroutine's stack, for reports of a recovered panic.
func Stack() string { return string(debug.Stack()) }
