package replica

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
)

// DefaultShadowPercent is the share of transactions that run a second time.
const DefaultShadowPercent = 1

// Contracts that are made ready before a replica serves, so that the first calls after
// a restart need not wait. A large one takes 0.2 s, read from the folder of compiled code.
const (
	readyAtStart   = 16
	readyAtStartIn = 10 * time.Second
)

// recentFile lists the modules that were used last, newest first.
const recentFile = "modules.recent"

// startEngine keeps compiled contracts beside the store, so that a restart does
// not compile them again.
func (r *instance) startEngine(ctx context.Context) error {
	var err error
	if r.modules, err = contracts.NewModulesWith(ctx, wasm.Config{CacheDir: filepath.Join(r.cfg.DataDir, "compiled"), Alter: r.cfg.AlterCode}); err != nil {
		return err
	}
	r.shadow, err = contracts.NewShadow(ctx, r.modules, contracts.ShadowConfig{Percent: r.cfg.ShadowPercent,
		Folder: filepath.Join(r.cfg.DataDir, "shadow"), Logger: r.cfg.Logger, Found: r.disagreed})
	if err != nil {
		return err
	}
	if err := r.registerEngine(); err != nil {
		return err
	}
	r.readyModules()
	return nil
}

// disagreed ends the replica: what its machine code computes cannot be believed.
func (r *instance) disagreed(err error) {
	r.cfg.Logger.Error("machine code and interpreter disagree; this replica stops", "error", err)
	r.owner.fail(r, err)
}

// readyModules makes the contracts ready that were used last. What cannot be read or
// compiled now is tried again when it is called.
func (r *instance) readyModules() {
	tip, _ := r.store.Tip()
	if tip == 0 {
		return
	}
	deployed, err := deployedContracts(r.store, tip)
	if err != nil {
		r.cfg.Logger.Warn("the deployed contracts cannot be listed; each is made ready at its first call", "error", err)
		return
	}
	raw, _ := os.ReadFile(filepath.Join(r.cfg.DataDir, recentFile)) // #nosec G304 -- our folder; without it the order is another
	order := strings.Fields(string(raw))
	place := func(record *contracts.Record) int {
		if at := slices.Index(order, fmt.Sprintf("%x", []byte(record.Code))); at >= 0 {
			return at
		}
		return len(order)
	}
	slices.SortStableFunc(deployed, func(a, b *contracts.Record) int { return place(a) - place(b) })
	begun, view := time.Now(), viewStore{view: r.store.View(tip)}
	for i, record := range deployed {
		if i == readyAtStart || time.Since(begun) > readyAtStartIn {
			r.cfg.Logger.Info("not all contracts are ready yet; the others are at their first call", "ready", i, "deployed", len(deployed))
			return
		}
		hash, err := ledger.HashFromBytes(record.Code)
		if err == nil {
			err = r.modules.Use(hash, func() ([]byte, error) { return contracts.Code(view, record) }, func(*wasm.Module) {})
		}
		if err != nil {
			r.cfg.Logger.Warn("a contract cannot be made ready; it is tried again at its first call", "contract", record.Name, "error", err)
		}
	}
}

// closeEngine notes which modules were used last.
func (r *instance) closeEngine() []error {
	var errs []error
	if r.shadow != nil {
		errs = append(errs, r.shadow.Close(context.Background()))
	}
	if r.modules == nil {
		return errs
	}
	var lines strings.Builder
	for _, hash := range r.modules.Recent() {
		fmt.Fprintln(&lines, hash)
	}
	if err := renameio.WriteFile(filepath.Join(r.cfg.DataDir, recentFile), []byte(lines.String()), 0o600); err != nil {
		errs = append(errs, fmt.Errorf("note which contracts were used last: %w", err))
	}
	return append(errs, r.modules.Close(context.Background()))
}

// compileAhead begins to compile the module of a deployment that waits in the pool.
func (r *instance) compileAhead(tx ledger.Hash, code []byte) bool {
	return r.modules.Prepare(code, func() { r.system.Tell(r.pids.admission, actorspb.ModuleReady{TxID: tx}) })
}

func (r *instance) registerEngine() error {
	if r.cfg.Registerer == nil {
		return nil
	}
	for name, f := range map[string]struct {
		help  string
		value func(contracts.ShadowStats) uint64
	}{
		"concordat_shadow_same_total":     {"Calls that the interpreter ran a second time with the same outcome.", func(s contracts.ShadowStats) uint64 { return s.Same }},
		"concordat_shadow_left_out_total": {"Chosen calls that were not run a second time: too many waited, or they were too large.", func(s contracts.ShadowStats) uint64 { return s.Left }},
		"concordat_shadow_failed_total":   {"Second runs that this replica could not make.", func(s contracts.ShadowStats) uint64 { return s.Failed }},
	} {
		counter := prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: f.help}, func() float64 { return float64(f.value(r.shadow.Stats())) })
		if err := r.cfg.Registerer.Register(counter); err != nil {
			return fmt.Errorf("register metrics of the engine: %w", err)
		}
	}
	return nil
}
