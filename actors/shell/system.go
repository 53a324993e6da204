package shell

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/prometheus/client_golang/prometheus"
)

// PID addresses an actor, here or in another process. The zero value is nobody.
type PID = *actor.PID

// Config of a System.
type Config struct {
	Name       string // of the root supervisor; local ids are Name/actor
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics
	// Fatal is called, once, from an own goroutine, when an actor cannot be kept
	// alive by restarting it.
	Fatal func(error)
	// Interceptor, when set, sees every message before its actor does, on the
	// actor's goroutine. Tests panic in it to see what supervision makes of it.
	Interceptor func(actor string, msg any)
}

// System hosts the actors of one ledger below one root supervisor.
type System struct {
	cfg     Config
	sys     *actor.ActorSystem
	root    PID
	metrics *metrics
	fatal   sync.Once
}

// Spec describes an actor to spawn.
type Spec struct {
	Name  string
	New   func() Behaviour // called at the start and after every failure
	Lanes []Lane           // empty: one lane of 1,024, dropping the newest
	Lane  func(msg any) int
}

// NewSystem starts the root supervisor.
func NewSystem(cfg Config) (*System, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	quiet := slog.New(slog.DiscardHandler) // the library's own log repeats what supervise says
	s := &System{cfg: cfg, metrics: newMetrics(cfg.Registerer)}
	s.sys = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return quiet }))
	props := actor.PropsFromProducer(func() actor.Actor { return &rootActor{system: s} },
		actor.WithSupervisor(&supervision{system: s}))
	root, err := s.sys.Root.SpawnNamed(props, cfg.Name)
	if err != nil {
		return nil, fmt.Errorf("start the root supervisor %q: %w", cfg.Name, err)
	}
	s.root = root
	return s, nil
}

// ActorSystem is the library's system, for the bus's remote process alone.
func (s *System) ActorSystem() *actor.ActorSystem { return s.sys }

type spawnRequest struct {
	spec  Spec
	reply chan spawnReply
}

type spawnReply struct {
	pid PID
	err error
}

// Spawn starts an actor below the root supervisor.
func (s *System) Spawn(spec Spec) (PID, error) {
	if len(spec.Lanes) == 0 {
		spec.Lanes = []Lane{{Name: "all", Capacity: 1024}}
	}
	reply := make(chan spawnReply, 1)
	s.sys.Root.Send(s.root, &spawnRequest{spec: spec, reply: reply})
	select {
	case r := <-reply:
		return r.pid, r.err
	case <-time.After(10 * time.Second):
		return nil, fmt.Errorf("start actor %q: the root supervisor does not answer", spec.Name)
	}
}

// Tell hands a message to an actor from outside of any actor. It never blocks.
func (s *System) Tell(to PID, msg any) {
	if to != nil {
		s.sys.Root.Send(to, msg)
	}
}

// PID of a local actor of this system, by name, whether it runs already or not.
func (s *System) PID(name string) PID {
	return actor.NewPID(s.sys.Address(), s.cfg.Name+"/"+name)
}

// Remote is the PID of the actor of that name in another member's process,
// reached through the bus.
func (s *System) Remote(address, id string) PID { return actor.NewPID(address, id) }

// ErrStopTimeout means that actors were still busy when the time was up.
var ErrStopTimeout = errors.New("actors did not stop in time")

// Stop ends all actors, children first, and waits for them.
func (s *System) Stop(timeout time.Duration) error {
	done := s.sys.Root.StopFuture(s.root)
	result := make(chan error, 1)
	go func() { result <- done.Wait() }()
	select {
	case <-result:
		s.sys.Shutdown()
		return nil
	case <-time.After(timeout):
		return ErrStopTimeout
	}
}

func (s *System) fail(err error) {
	s.fatal.Do(func() {
		s.cfg.Logger.Error("an actor cannot be kept alive; the process must stop", "error", err)
		if s.cfg.Fatal != nil {
			go s.cfg.Fatal(err)
		}
	})
}

// rootActor spawns children on request, so that they are under its supervision.
type rootActor struct{ system *System }

func (r *rootActor) Receive(ctx actor.Context) {
	req, ok := ctx.Message().(*spawnRequest)
	if !ok {
		return
	}
	s := r.system
	spec := req.spec
	_, flush := spec.New().(Flusher)
	props := actor.PropsFromProducer(func() actor.Actor { return &host{system: s, spec: spec} },
		actor.WithMailbox(func() actor.Mailbox {
			return newMailbox(spec.Lanes, spec.Lane, flush, func(lane string) { s.metrics.drop(spec.Name, lane) })
		}))
	pid, err := ctx.SpawnNamed(props, spec.Name)
	if err != nil {
		err = fmt.Errorf("start actor %q: %w", spec.Name, err)
	}
	req.reply <- spawnReply{pid: pid, err: err}
}
