package contracts

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// The engine is not trusted: a released version computed remainders wrongly on one
// processor, and a ledger of both kinds would have split. So a share of the
// transactions runs a second time, in the interpreter, and everything that others
// can see is compared. It happens in the background, from a trace (trace.go), for
// the interpreter takes 40 to 75 times as long: the block does not wait, what finds
// the queue full is left out and counted, and the work takes a tenth of a core.

// Limits of what waits for its second run.
const (
	shadowCallsMax   = 256
	shadowBytesMax   = 64 << 20
	shadowDeployed   = 16          // deployments have a queue of their own
	shadowSourcesMax = 4           // modules whose bytes are at hand
	shadowGasMax     = 500_000_000 // about five seconds in the interpreter; longer calls are left out
	shadowModulesMax = 2           // in the interpreter; a Go contract of 2 MB takes 53 MB there
	shadowIdle       = time.Minute // without work, after which they are given up
	shadowRest       = 9           // times as long as it took does the shadow rest after a run
	shadowRestMax    = 10 * time.Second
)

// ShadowConfig says what is looked at twice.
type ShadowConfig struct {
	Percent float64     // of the transactions; deployments always
	Folder  string      // where evidence is written
	Found   func(error) // is called once, when the two differ
	Logger  *slog.Logger
	Busy    bool // never rests; for tests
}

// Shadow runs transactions a second time. A nil one does nothing. It is safe for
// concurrent use.
type Shadow struct {
	cfg      ShadowConfig
	first    *Modules
	second   *Modules
	calls    chan *job
	deployed chan *job
	waiting  atomic.Int64 // bytes
	stop     chan struct{}
	ended    sync.WaitGroup
	open     sync.WaitGroup           // jobs that are not done, for tests
	sources  map[ledger.Hash][][]byte // modules in pieces; the executor's
	salt     maphash.Seed
	found    atomic.Pointer[Mismatch]
	stats    struct{ same, left, failed atomic.Uint64 }
}

// ShadowStats counts second runs.
type ShadowStats struct {
	Same   uint64 // gave the same
	Left   uint64 // were left out: the queue was full, or the call too large
	Failed uint64 // could not be made, for a reason of this replica
}

// NewShadow starts the second engine. It refuses to while evidence of an earlier
// difference lies in the folder.
func NewShadow(ctx context.Context, first *Modules, cfg ShadowConfig) (*Shadow, error) {
	old, err := evidence(cfg.Folder)
	if err != nil {
		return nil, fmt.Errorf("looking for evidence of an engine that miscalculates: %w", err)
	}
	if old != "" {
		return nil, fmt.Errorf("machine code and interpreter disagreed here before; the evidence is %s. "+
			"Send it to the maintainers and the other members; when you run a version that is corrected, move the file away and start again", old)
	}
	engine, err := wasm.New(ctx, wasm.Config{Interpreter: true})
	if err != nil {
		return nil, err
	}
	s := &Shadow{cfg: cfg, first: first, second: modulesOn(engine, shadowModulesMax), stop: make(chan struct{}),
		sources: map[ledger.Hash][][]byte{}, salt: maphash.MakeSeed(), calls: make(chan *job, shadowCallsMax), deployed: make(chan *job, shadowDeployed)}
	s.ended.Add(1)
	go s.work()
	return s, nil
}

// Close waits for the run that is under way and forgets the others.
func (s *Shadow) Close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	close(s.stop)
	s.ended.Wait()
	return s.second.Close(ctx)
}

// Err is the difference that was found, nil as long as there is none. After it
// nothing is executed any more.
func (s *Shadow) Err() error {
	if s == nil {
		return nil
	}
	if m := s.found.Load(); m != nil {
		return m
	}
	return nil
}

// Stats of the second runs.
func (s *Shadow) Stats() ShadowStats {
	return ShadowStats{s.stats.same.Load(), s.stats.left.Load(), s.stats.failed.Load()}
}

// Wait returns when all that waits was looked at.
func (s *Shadow) Wait() { s.open.Wait() }

// chosen is another choice on each replica, which nobody knows beforehand: who submits
// cannot choose what is looked at, and together the replicas look at more.
func (s *Shadow) chosen(tx ledger.Hash) bool {
	return float64(maphash.Bytes(s.salt, tx[:]))/math.MaxUint64*100 < s.cfg.Percent
}

// job is a run to repeat: the call, the trace, and what came of it. Without a
// method only the snapshot is compared.
type job struct {
	runner  Runner
	record  *Record // nil: found by the contract's name
	name    string
	method  string
	args    []byte
	gas     uint64
	steps   []step
	code    map[ledger.Hash][][]byte // modules in pieces
	bytes   int64
	refused *module.Refusal // of the module at its deployment
	outcome wasm.Outcome
	events  []ledger.Event
}

// Run is Runner.Run with a second run for those that are chosen.
func (s *Shadow) Run(r *Runner, contract, method string, args []byte, gas uint64) (wasm.Outcome, error) {
	run := func() (wasm.Outcome, error) { return r.Run(contract, method, args, gas) }
	if s == nil || !s.chosen(r.Call.TxID) {
		if err := s.Err(); err != nil {
			return wasm.Outcome{}, err
		}
		return run()
	}
	return s.watch(r, &job{name: contract, method: method, args: args, gas: gas}, s.calls, run)
}

// Execute is Runner.Execute with a second run, for calls at deployment.
func (s *Shadow) Execute(r *Runner, record *Record, method string, args []byte, gas uint64) (wasm.Outcome, error) {
	run := func() (wasm.Outcome, error) { return r.Execute(record, method, args, gas) }
	if s == nil {
		return run()
	}
	return s.watch(r, &job{name: record.Name, record: record, method: method, args: args, gas: gas}, s.deployed, run)
}

// Check is Runner.Check; what a module is after its warm-up is then compared.
func (s *Shadow) Check(r *Runner, record *Record) error {
	err := r.Check(record)
	var refusal *module.Refusal
	if s == nil || err != nil && (!errors.As(err, &refusal) || refusal.Rule != module.RuleInitialise) {
		return err // judged by the bytes alone, without the engine
	}
	j := &job{runner: *r, name: record.Name, record: record, refused: refusal, code: map[ledger.Hash][][]byte{}}
	if e := s.pieces(r.Store, record, j); e != nil {
		return e
	}
	s.offer(s.deployed, j)
	return err
}

func (s *Shadow) watch(r *Runner, j *job, queue chan *job, run func() (wasm.Outcome, error)) (wasm.Outcome, error) {
	if err := s.Err(); err != nil {
		return wasm.Outcome{}, err
	}
	rec := &recorder{store: r.Store}
	j.runner = *r // as it was before the call
	r.Store = rec
	o, err := run()
	r.Store = rec.store
	if err != nil {
		return o, err
	}
	if rec.full || o.GasUsed > shadowGasMax {
		s.stats.left.Add(1)
		return o, nil
	}
	j.steps, j.bytes, j.outcome, j.events = rec.steps, int64(rec.bytes+len(j.args)), o, r.Events()
	if err := s.modulesOf(rec.store, j); err != nil {
		return wasm.Outcome{}, err
	}
	s.offer(queue, j)
	return o, nil
}

// modulesOf puts the modules that were called into the job.
func (s *Shadow) modulesOf(store Store, j *job) error {
	j.code = map[ledger.Hash][][]byte{}
	if j.record != nil {
		if err := s.pieces(store, j.record, j); err != nil {
			return err
		}
	}
	for _, st := range j.steps {
		if st.kind != "get" || st.value == nil || !isRecord(st.key) {
			continue
		}
		record, err := ParseRecord(st.value)
		if err == nil {
			err = s.pieces(store, record, j)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pieces puts a module's pieces into the job, for the second engine may have given it up
// by then. Jobs that wait share them.
func (s *Shadow) pieces(store Getter, record *Record, j *job) error {
	hash, err := ledger.HashFromBytes(record.Code)
	if err != nil {
		return err
	}
	list, at := s.sources[hash], len(s.sources[hash])
	for i := at; i*ChunkBytes < record.Bytes; i++ {
		raw, err := store.Get(CodeKey(hash, i))
		if err != nil {
			return err
		}
		list = append(list, raw)
	}
	if at < len(list) { // jobs that come later share it
		j.bytes += int64(record.Bytes)
	}
	if _, here := s.sources[hash]; !here && len(s.sources) >= shadowSourcesMax {
		clear(s.sources)
	}
	s.sources[hash] = list
	j.code[hash] = list
	return nil
}

// offer leaves out what there is no room for.
func (s *Shadow) offer(queue chan *job, j *job) {
	j.runner.Store, j.runner.Log = nil, nil
	if s.waiting.Add(j.bytes) > shadowBytesMax && queue == s.calls {
		s.waiting.Add(-j.bytes)
		s.stats.left.Add(1)
		return
	}
	s.open.Add(1)
	select {
	case queue <- j:
	default:
		s.open.Done()
		s.waiting.Add(-j.bytes)
		s.stats.left.Add(1)
	}
}

func (s *Shadow) work() {
	defer s.ended.Done()
	yielding()
	for {
		var j *job
		select { // deployments first
		case j = <-s.deployed:
		default:
			select {
			case <-s.stop:
				return
			case j = <-s.deployed:
			case j = <-s.calls:
			case <-time.After(shadowIdle):
				s.second.forget()
				continue
			}
		}
		begun := time.Now()
		s.again(j)
		s.waiting.Add(-j.bytes)
		s.open.Done()
		rest := min(time.Since(begun)*shadowRest, shadowRestMax)
		if s.cfg.Busy {
			rest = 0
		}
		select {
		case <-s.stop:
			return
		case <-time.After(rest):
		}
	}
}

// again makes the second run and compares.
func (s *Shadow) again(j *job) {
	if s.found.Load() != nil {
		return
	}
	m, err := s.compare(j)
	switch {
	case err != nil:
		s.stats.failed.Add(1)
		if s.cfg.Logger != nil {
			s.cfg.Logger.Warn("a call could not be run a second time in the interpreter", "contract", j.name, "error", err)
		}
	case m == nil:
		s.stats.same.Add(1)
	default:
		m.keep(s.cfg.Folder)
		s.found.Store(m)
		if s.cfg.Found != nil {
			go s.cfg.Found(m) // it may wait for this goroutine to end
		}
	}
}

// isRecord tells keys of contracts' records.
func isRecord(key []byte) bool {
	return len(key) > len(recordPrefix) && string(key[:len(recordPrefix)]) == recordPrefix
}
