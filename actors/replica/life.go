package replica

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Replica is a running replica. It starts itself again when it has fetched a snapshot:
// everything then begins with the new store, as after a start of the process.
type Replica struct {
	cfg     Config
	metrics *currentMetrics

	mu      sync.Mutex
	current *instance
	stopped bool
	err     error // set before done is closed

	done chan struct{}
}

// Start opens the stores, starts the server, the links and the actors.
func Start(ctx context.Context, cfg Config) (*Replica, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	r := &Replica{cfg: cfg, done: make(chan struct{})}
	if cfg.Registerer != nil {
		r.metrics = &currentMetrics{}
		if err := cfg.Registerer.Register(r.metrics); err != nil {
			return nil, fmt.Errorf("start %s: register metrics: %w", cfg.Self, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.begin(ctx); err != nil {
		if r.metrics != nil {
			r.metrics.registry.Store(nil)
		}
		return nil, err
	}
	return r, nil
}

// begin is called with mu held, so that what the new instance reports waits.
func (r *Replica) begin(ctx context.Context) error {
	cfg := r.cfg
	if r.metrics != nil {
		registry := prometheus.NewRegistry()
		r.metrics.registry.Store(registry)
		cfg.Registerer = registry
	}
	r.cfg.aside = ""
	var err error
	r.current, err = begin(ctx, r, cfg)
	return err
}

// restart closes an instance and starts another one at the same address.
func (r *Replica) restart(from *instance) {
	go func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.stopped || r.current != from {
			return
		}
		r.cfg.Logger.Info("this replica starts again with another store")
		r.cfg.Listen = from.server.Addr()
		from.close()
		if err := r.begin(context.Background()); err != nil {
			r.end(err)
		}
	}()
}

// fail is called when an actor of an instance cannot be kept alive. Over a damaged store
// the replica does not end: it starts again without it.
func (r *Replica) fail(from *instance, err error) {
	if damaged(err) && from.quorum.N() > 1 {
		r.startOver(from, err.Error())
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == from {
		r.end(err)
	}
}

// startOver has an instance's store put aside.
func (r *Replica) startOver(from *instance, why string) {
	go func() {
		r.mu.Lock()
		if r.current == from {
			r.cfg.aside = why
		}
		r.mu.Unlock()
		r.restart(from)
	}()
}

// end is called with mu held.
func (r *Replica) end(err error) {
	if r.stopped {
		return
	}
	r.stopped, r.err = true, err
	if r.current != nil {
		r.current.close()
	}
	if r.metrics != nil {
		r.metrics.registry.Store(nil)
	}
	close(r.done)
}

// Addr is where members reach this replica.
func (r *Replica) Addr() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil { // it has failed to start again
		return r.cfg.Listen
	}
	return r.current.server.Addr()
}

// Done is closed when the replica has stopped, by Stop or by a failure.
func (r *Replica) Done() <-chan struct{} { return r.done }

// Err says why it stopped by itself; nil after Stop. Read it after Done.
func (r *Replica) Err() error { return r.err }

// Stop ends the replica and waits for it.
func (r *Replica) Stop(ctx context.Context) error {
	go func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.end(nil)
	}()
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop %s: %w", r.cfg.Self, ctx.Err())
	}
}

// currentMetrics shows the metrics of the present instance.
type currentMetrics struct {
	registry atomic.Pointer[prometheus.Registry]
}

// Describe says nothing: what there is may change.
func (c *currentMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *currentMetrics) Collect(to chan<- prometheus.Metric) {
	if r := c.registry.Load(); r != nil {
		r.Collect(to)
	}
}
