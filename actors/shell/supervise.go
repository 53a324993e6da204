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
)

// Unrecoverable marks an error that no restart can cure, such as a vote log
// that can no longer be written. A behaviour panics with it.
type Unrecoverable struct{ Err error }

func (u *Unrecoverable) Error() string { return u.Err.Error() }

// Unwrap gives the cause.
func (u *Unrecoverable) Unwrap() error { return u.Err }

type supervision struct{ system *System }

// HandleFailure implements actor.SupervisorStrategy; it runs on the root
// supervisor's goroutine.
func (v *supervision) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor, child *actor.PID,
	stats *actor.RestartStatistics, reason, message any) {
	err, ok := reason.(error)
	if !ok {
		err = fmt.Errorf("%v", reason)
	}
	stats.Fail()
	failures := stats.NumberOfFailures(failuresWindow)
	v.system.metrics.failure(child.Id)
	v.system.cfg.Logger.Error("an actor failed and will be restarted",
		"actor", child.Id, "error", err, "message", fmt.Sprintf("%T", message), "failures", failures)
	var fatal *Unrecoverable
	if errors.As(err, &fatal) || failures > failuresMax {
		v.system.fail(fmt.Errorf("actor %s failed %d times, last: %w", child.Id, failures, err))
		return
	}
	delay := min(restartDelayFirst<<min(failures-1, 20), restartDelayMax)
	time.AfterFunc(delay, func() { supervisor.RestartChildren(child) })
}

// Stack is the current goroutine's stack, for reports of a recovered panic.
func Stack() string { return string(debug.Stack()) }
