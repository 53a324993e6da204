package shell_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/shell"
)

// probe records what it receives; functions told to it run on its goroutine.
type probe struct {
	log *record
}

type record struct {
	mu      sync.Mutex
	got     []any
	started int
	stopped int
	flushed []int // how many messages were received at each flush
	start   error
}

func (r *record) snapshot() ([]any, []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got), slices.Clone(r.flushed)
}

func (p *probe) Start(*shell.Context) error {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	p.log.started++
	return p.log.start
}

func (p *probe) Stop() {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	p.log.stopped++
}

func (p *probe) Receive(c *shell.Context, msg any) {
	if f, ok := msg.(func(*shell.Context)); ok {
		f(c)
		return
	}
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	p.log.got = append(p.log.got, msg)
}

func (p *probe) Flush(*shell.Context) {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	p.log.flushed = append(p.log.flushed, len(p.log.got))
}

const wait = 10 * time.Second

func system(t *testing.T, fatal func(error), registerer prometheus.Registerer) *shell.System {
	s, err := shell.NewSystem(shell.Config{Name: "test", Fatal: fatal, Registerer: registerer})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(wait)) })
	return s
}

func spawn(t *testing.T, s *shell.System, lanes []shell.Lane, lane func(any) int) (shell.PID, *record) {
	r := &record{}
	pid, err := s.Spawn(shell.Spec{Name: "probe", New: func() shell.Behaviour { return &probe{r} }, Lanes: lanes, Lane: lane})
	require.NoError(t, err)
	return pid, r
}

// hold keeps the actor busy until the returned function is called.
func hold(t *testing.T, s *shell.System, pid shell.PID) (release func()) {
	held, free := make(chan struct{}), make(chan struct{})
	s.Tell(pid, func(*shell.Context) {
		close(held)
		<-free
	})
	select {
	case <-held:
	case <-time.After(wait):
		t.Fatal("the actor does not run")
	}
	return func() { close(free) }
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, wait, time.Millisecond)
}

func received(r *record, n int) func() bool {
	return func() bool {
		got, _ := r.snapshot()
		return len(got) >= n
	}
}

func TestLanesAreServedInTheirOrder(t *testing.T) {
	s := system(t, nil, nil)
	lane := func(m any) int {
		if n, ok := m.(int); ok && n >= 100 {
			return 1
		}
		return 0
	}
	pid, r := spawn(t, s, []shell.Lane{{Name: "urgent", Capacity: 10}, {Name: "rest", Capacity: 10}}, lane)
	release := hold(t, s, pid)
	for _, m := range []int{100, 101, 1, 102, 2} {
		s.Tell(pid, m)
	}
	release()
	eventually(t, received(r, 5))
	got, _ := r.snapshot()
	require.Equal(t, []any{1, 2, 100, 101, 102}, got)
}

func TestAFullLaneSaysWhatGivesWay(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := system(t, nil, registry)
	lane := func(m any) int {
		if n, ok := m.(int); ok && n >= 100 {
			return 1
		}
		return 0
	}
	pid, r := spawn(t, s, []shell.Lane{{Name: "keeps", Capacity: 3, Overflow: shell.DropNewest}, {Name: "renews", Capacity: 3, Overflow: shell.DropOldest}}, lane)
	release := hold(t, s, pid)
	for i := range 5 {
		s.Tell(pid, i)
		s.Tell(pid, 100+i)
	}
	release()
	eventually(t, received(r, 6))
	got, _ := r.snapshot()
	require.Equal(t, []any{0, 1, 2, 102, 103, 104}, got)
	count, err := testutil.GatherAndCount(registry, "concordat_actor_dropped_messages_total")
	require.NoError(t, err)
	require.Equal(t, 2, count, "one series a lane")
}

// A panic costs the message that caused it and nothing else: a fresh instance goes
// on with what waits.
func TestAPanicIsSurvivedWithTheMailbox(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := system(t, nil, registry)
	pid, r := spawn(t, s, nil, nil)
	release := hold(t, s, pid)
	s.Tell(pid, 1)
	s.Tell(pid, func(*shell.Context) { panic("a defect") })
	s.Tell(pid, 2)
	release()
	eventually(t, received(r, 2))
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Equal(t, []any{1, 2}, r.got)
	require.Equal(t, 2, r.started)
	require.Equal(t, 1, r.stopped)
}

func TestWhatCannotBeCuredEndsTheSystem(t *testing.T) {
	fatal := make(chan error, 1)
	s := system(t, func(err error) { fatal <- err }, nil)
	pid, _ := spawn(t, s, nil, nil)
	cause := errors.New("the vote log cannot be written")
	s.Tell(pid, func(*shell.Context) { panic(&shell.Unrecoverable{Err: cause}) })
	select {
	case err := <-fatal:
		require.ErrorIs(t, err, cause)
	case <-time.After(wait):
		t.Fatal("nobody was told")
	}
}

func TestAnActorThatAlwaysFailsEndsTheSystem(t *testing.T) {
	fatal := make(chan error, 1)
	s := system(t, func(err error) { fatal <- err }, nil)
	pid, r := spawn(t, s, nil, nil)
	for range 20 {
		s.Tell(pid, func(*shell.Context) { panic("again") })
	}
	select {
	case err := <-fatal:
		require.Error(t, err)
	case <-time.After(3 * wait):
		t.Fatal("nobody was told")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Greater(t, r.started, 3, "it was tried again before")
}

func TestFlushComesWhenTheMailboxIsEmpty(t *testing.T) {
	s := system(t, nil, nil)
	pid, r := spawn(t, s, []shell.Lane{{Name: "all", Capacity: 1024}}, nil)
	release := hold(t, s, pid)
	const messages = 2*shell.FlushEvery + 10
	for i := range messages {
		s.Tell(pid, i)
	}
	release()
	eventually(t, func() bool {
		_, flushed := r.snapshot()
		return len(flushed) > 0 && flushed[len(flushed)-1] == messages
	})
	_, flushed := r.snapshot()
	previous := 0
	for _, n := range flushed {
		require.LessOrEqual(t, n-previous, shell.FlushEvery, "staged work is bounded")
		previous = n
	}
	require.LessOrEqual(t, len(flushed), 6, "and many share a flush")
}

func TestTimersAreReplacedCancelledAndEndWithTheirInstance(t *testing.T) {
	s := system(t, nil, nil)
	pid, r := spawn(t, s, nil, nil)
	s.Tell(pid, func(c *shell.Context) {
		c.After("a", time.Hour, "never: replaced")
		c.After("a", time.Millisecond, "a")
		c.After("b", 2*time.Millisecond, "never: cancelled")
		c.Cancel("b")
		c.After("c", 30*time.Millisecond, "never: its instance is gone")
	})
	eventually(t, received(r, 1))
	s.Tell(pid, func(*shell.Context) { panic("a defect") })
	s.Tell(pid, func(c *shell.Context) { c.After("d", 60*time.Millisecond, "d") })
	eventually(t, received(r, 2))
	got, _ := r.snapshot()
	require.Equal(t, []any{"a", "d"}, got)
}

func TestTellToNobodyIsHarmless(t *testing.T) {
	s := system(t, nil, nil)
	s.Tell(nil, 1)
	s.Tell(s.PID("not-there"), 1)
}
