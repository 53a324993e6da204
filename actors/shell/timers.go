package shell

import "time"

// timerFired comes back to the actor that set the timer. The generation tells a
// timer that was replaced or cancelled after it had fired.
type timerFired struct {
	owner      *timers
	key        any
	generation uint64
	msg        any
}

type timers struct {
	system     *System
	self       PID
	active     map[any]activeTimer // owned by the actor's goroutine
	generation uint64
}

type activeTimer struct {
	timer      *time.Timer
	generation uint64
}

func newTimers(s *System, self PID) *timers {
	return &timers{system: s, self: self, active: map[any]activeTimer{}}
}

func (t *timers) set(key any, d time.Duration, msg any) {
	t.cancel(key)
	t.generation++
	fired := timerFired{owner: t, key: key, generation: t.generation, msg: msg}
	timer := time.AfterFunc(d, func() { t.system.Tell(t.self, fired) })
	t.active[key] = activeTimer{timer: timer, generation: t.generation}
}

func (t *timers) cancel(key any) {
	if a, ok := t.active[key]; ok {
		a.timer.Stop()
		delete(t.active, key)
	}
}

// take reports whether the timer that fired is still wanted by this instance.
func (t *timers) take(f timerFired) bool {
	a, ok := t.active[f.key]
	if f.owner != t || !ok || a.generation != f.generation {
		return false
	}
	delete(t.active, f.key)
	return true
}

func (t *timers) stopAll() {
	for key, a := range t.active {
		a.timer.Stop()
		delete(t.active, key)
	}
}
