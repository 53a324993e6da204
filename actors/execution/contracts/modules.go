package contracts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// What bounds the compiled modules that are kept: their number, and the bytes of their
// code, of which each takes four or five in memory. A ledger with more than are kept loads
// some at each call, which takes milliseconds that no gas stands for; so small ones are many.
// Each has an open file, its snapshot.
const (
	modulesMax      = 256
	modulesBytesMax = 256 << 20
)

// Modules keeps compiled modules by the hash of their code. It is safe for
// concurrent use; what is in use is not given up.
type Modules struct {
	engine  *wasm.Engine
	most    int
	ahead   chan prepared  // deployments to be compiled in the background
	wanted  chan prepared  // deployed contracts, behind them
	stop    chan struct{}  // closed: nothing is compiled in the background any more
	working sync.WaitGroup // the background
	mu      sync.Mutex
	byHash  map[ledger.Hash]*entry
	fetched map[ledger.Hash]bool // what is in wanted
	clock   uint64
	bytes   int // of code, of those in byHash that are compiled
	closed  bool
}

// ErrClosed says that the engine has ended, with this replica.
var ErrClosed = errors.New("the engine is closed")

type entry struct {
	ready  chan struct{} // closed when module or err is set
	module *wasm.Module
	schema *schema.Schema // nil without one, or without one that can be read
	err    error
	bytes  int // of its code
	users  int
	used   uint64
}

// NewModules starts an engine that caches compiled code in a folder, or nowhere.
func NewModules(ctx context.Context, cacheDir string) (*Modules, error) {
	return NewModulesWith(ctx, wasm.Config{CacheDir: cacheDir})
}

// NewModulesWith starts an engine of another kind.
func NewModulesWith(ctx context.Context, cfg wasm.Config) (*Modules, error) {
	e, err := wasm.New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return modulesOn(e, modulesMax), nil
}

func modulesOn(e *wasm.Engine, most int) *Modules {
	m := &Modules{engine: e, most: most, byHash: map[ledger.Hash]*entry{}, fetched: map[ledger.Hash]bool{},
		ahead: make(chan prepared, aheadMax), wanted: make(chan prepared, aheadMax), stop: make(chan struct{})}
	m.working.Add(1)
	go m.background()
	return m
}

// Close ends the engine after the calls that are under way. One of them that calls a
// further contract meanwhile gets ErrClosed: waiting for it with the lock held would be for
// ever, and compiling for it in an engine that ends could look like a fault of the module.
func (m *Modules) Close(ctx context.Context) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	m.closed = true
	close(m.stop)
	m.mu.Unlock()
	m.working.Wait()
	m.mu.Lock()
	rest := m.byHash
	m.byHash = map[ledger.Hash]*entry{}
	m.mu.Unlock()
	var err error
	for _, e := range rest {
		<-e.ready
		if e.module != nil {
			err = errors.Join(err, e.module.Close(ctx))
		}
	}
	return errors.Join(err, m.engine.Close(ctx))
}

// Use calls fn with the module of the given hash, which is compiled from what
// load returns when it is not kept. The module is that of a deployed contract: it was
// judged when it was deployed. The error is a *module.Refusal when the code
// is at fault, and local otherwise.
func (m *Modules) Use(hash ledger.Hash, load func() ([]byte, error), fn func(*wasm.Module)) error {
	return m.use(hash, m.engine.CompileAccepted, load, func(e *entry) { fn(e.module) })
}

// Has tells whether a module is ready, or known to be at fault.
func (m *Modules) Has(hash ledger.Hash) bool {
	m.mu.Lock()
	e := m.byHash[hash]
	m.mu.Unlock()
	if e == nil {
		return false
	}
	select {
	case <-e.ready:
		return true
	default:
		return false
	}
}

// compiler is one of the engine's two ways to compile.
type compiler func(ctx context.Context, code []byte) (*wasm.Module, error)

func (m *Modules) use(hash ledger.Hash, how compiler, load func() ([]byte, error), fn func(*entry)) error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	e, ok := m.byHash[hash]
	if !ok {
		e = &entry{ready: make(chan struct{})}
		m.byHash[hash] = e
	}
	e.users++
	m.clock++
	e.used = m.clock
	m.mu.Unlock()
	defer m.release(hash, e)
	if !ok {
		m.compile(e, how, load)
	}
	<-e.ready
	if e.err != nil {
		return e.err
	}
	fn(e)
	return nil
}

// Describe returns a contract's schema, as its module carries it and as it was
// read; both nil without one.
func (m *Modules) Describe(store Getter, record *Record) (raw []byte, s *schema.Schema, err error) {
	hash, err := ledger.HashFromBytes(record.Code)
	if err != nil {
		return nil, nil, err
	}
	err = m.use(hash, m.engine.Compile, func() ([]byte, error) { return Code(store, record) },
		func(e *entry) { raw, s = e.module.Schema(), e.schema })
	return raw, s, err
}

func (m *Modules) compile(e *entry, how compiler, load func() ([]byte, error)) {
	defer close(e.ready)
	code, err := load()
	m.mu.Lock()
	e.bytes = len(code)
	m.bytes += e.bytes
	m.mu.Unlock()
	if err == nil {
		e.module, err = how(context.Background(), code)
	}
	if err == nil && e.module.Schema() != nil {
		if s, err := schema.Parse(e.module.Schema()); err == nil { // judged at deployment
			e.schema = s
		}
	}
	e.err = err
}

// release gives up the least recently used module when there are too many, and at
// once one that did not compile for a reason of this replica: the next try loads it
// anew. A refusal is kept, for it is the same each time.
func (m *Modules) release(hash ledger.Hash, e *entry) {
	m.mu.Lock()
	e.users--
	var gone []*entry
	var refusal *module.Refusal
	if e.err != nil && e.users == 0 && m.byHash[hash] == e && !errors.As(e.err, &refusal) {
		delete(m.byHash, hash)
		m.bytes -= e.bytes
	}
	for len(m.byHash) > m.most || m.bytes > modulesBytesMax && len(m.byHash) > 1 {
		oldest := m.sortedOldest()
		if oldest == nil {
			break
		}
		gone = append(gone, oldest)
	}
	m.mu.Unlock()
	for _, g := range gone {
		if g.module != nil {
			_ = g.module.Close(context.Background()) // nothing runs in it, and nothing can be done if it does not close
		}
	}
}

// sortedOldest takes the least recently used idle entry out; clocks are unique,
// so the order of the walk does not matter.
func (m *Modules) sortedOldest() *entry {
	var oldest *entry
	var at ledger.Hash
	for hash, e := range m.byHash {
		if e.users == 0 && (oldest == nil || e.used < oldest.used) {
			oldest, at = e, hash
		}
	}
	if oldest != nil {
		delete(m.byHash, at)
		m.bytes -= oldest.bytes
	}
	return oldest
}

// Recent are the modules that are kept, the most recently used first.
func (m *Modules) Recent() []ledger.Hash {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []ledger.Hash
	for hash := range m.byHash {
		out = append(out, hash)
	}
	slices.SortFunc(out, func(a, b ledger.Hash) int { return cmp.Compare(m.byHash[b].used, m.byHash[a].used) })
	return out
}

// forget gives up all modules that nobody uses.
func (m *Modules) forget() {
	for {
		m.mu.Lock()
		gone := m.sortedOldest()
		m.mu.Unlock()
		if gone == nil {
			return
		}
		if gone.module != nil {
			_ = gone.module.Close(context.Background()) // nothing runs in it, and nothing can be done if it does not close
		}
	}
}
