package wasm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm/memory"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// Module is a contract's code, ready to be called. It is safe for concurrent use:
// each call takes an instance of its own.
type Module struct {
	engine   *Engine
	compiled wazero.CompiledModule
	info     *module.Info
	hash     ledger.Hash
	snapshot *memory.Snapshot
	globals  []uint64
	gasReady uint64

	mu     sync.Mutex
	idle   []*instance
	out    int // instances that are in a call
	closed bool
	quiet  *sync.Cond // out became 0
}

func newModule(e *Engine, compiled wazero.CompiledModule, info *module.Info, code []byte) *Module {
	m := &Module{engine: e, compiled: compiled, info: info, hash: HashCode(code)}
	m.quiet = sync.NewCond(&m.mu)
	return m
}

// HashCode names a module: the SHA-256 of its bytes as they were deployed, so that
// sha256sum of the file shows the same.
func HashCode(code []byte) ledger.Hash { return sha256.Sum256(code) }

// Hash is HashCode of the module.
func (m *Module) Hash() ledger.Hash { return m.hash }

// Schema is the module's schema section, nil without one.
func (m *Module) Schema() []byte { return m.info.Schema }

// Info is what the checker found.
func (m *Module) Info() *module.Info { return m.info }

// GasReady is the gas that _initialize and warm used.
func (m *Module) GasReady() uint64 { return m.gasReady }

// Differs says in which way another engine's form of the same module is not like this
// one after initialisation and warm-up; "" when it is.
func (m *Module) Differs(o *Module) string {
	switch {
	case m.hash != o.hash:
		return "they are of different modules"
	case m.gasReady != o.gasReady:
		return fmt.Sprintf("its initialisation and warm-up use %d gas in one engine and %d in the other", m.gasReady, o.gasReady)
	case !slices.Equal(m.globals, o.globals):
		return "its globals differ after initialisation and warm-up"
	}
	if at, same := m.snapshot.Compare(o.snapshot); !same {
		return fmt.Sprintf("its memory differs after initialisation and warm-up, first at byte %d", at)
	}
	return ""
}

// prepare makes the first instance, initialises and warms it up, and keeps what
// its memory and globals then are. That an initialisation traps or never ends is
// the module's fault; how it does depends on its bytes alone.
func (m *Module) prepare(ctx context.Context) error {
	in, err := m.instantiate(ctx)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	left := uint64(GasInitialise)
	for _, name := range []string{module.ExportInitialize, module.ExportWarm} {
		f := in.module.ExportedFunction(name)
		if f == nil {
			continue
		}
		in.guest.Prepare(left)
		err := f.CallWithStack(in.ctx, in.stack[:])
		o := in.guest.Finish(0, err)
		if o.Status == Halt {
			return errors.Join(o.Err, in.close(ctx))
		}
		if o.Status != OK {
			return errors.Join(&module.Refusal{
				Rule: module.RuleInitialise, Detail: fmt.Sprintf("its %s does not end well: %s", name, o.Message),
			}, in.close(ctx))
		}
		left -= o.GasUsed
	}
	m.gasReady = GasInitialise - left
	if m.snapshot, err = in.space.Capture(); err != nil {
		return errors.Join(err, in.close(ctx))
	}
	for _, g := range in.globals {
		m.globals = append(m.globals, g.Get())
	}
	m.idle = append(m.idle, in)
	return nil
}

var errClosed = errors.New("the contract's module is closed")

func (m *Module) take() (*instance, error) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, errClosed
	}
	m.out++
	if n := len(m.idle); n > 0 {
		in := m.idle[n-1]
		m.idle = m.idle[:n-1]
		m.mu.Unlock()
		return in, nil
	}
	m.mu.Unlock()
	in, err := m.fresh()
	if err != nil {
		m.done()
	}
	return in, err
}

// fresh makes an instance from the snapshot, without initialising it again.
func (m *Module) fresh() (*instance, error) {
	ctx := context.Background()
	in, err := m.instantiate(ctx)
	if err != nil { // the first went well, so this is no refusal
		return nil, fmt.Errorf("another instance of a contract: %s", err.Error())
	}
	pages := uint32(m.snapshot.Size() / pageBytes) // #nosec G115 -- at most MemoryPagesMax
	have := in.module.Memory().Size() / pageBytes
	if pages > have {
		if _, ok := in.module.Memory().Grow(pages - have); !ok {
			return nil, errors.Join(fmt.Errorf("growing a contract's memory to %d pages", pages), in.close(ctx))
		}
	}
	if err := in.space.Attach(m.snapshot); err != nil {
		return nil, errors.Join(err, in.close(ctx))
	}
	for i, g := range in.globals {
		g.Set(m.globals[i])
	}
	return in, nil
}

func (m *Module) done() {
	m.mu.Lock()
	m.out--
	m.quiet.Broadcast()
	m.mu.Unlock()
}

// give takes an instance back, or ends it when there are enough.
func (m *Module) give(in *instance, usable bool) {
	m.mu.Lock()
	m.out--
	m.quiet.Broadcast()
	if usable && !m.closed && len(m.idle) < m.engine.cfg.PoolSize {
		m.idle = append(m.idle, in)
		m.mu.Unlock()
		return
	}
	m.mu.Unlock()
	_ = in.close(context.Background()) // nothing can be done about an instance that does not close
}

// Call runs one method. The thread is locked meanwhile, for its page faults tell
// which memory was written.
func (m *Module) Call(call *Call, state State, gasLimit uint64) Outcome {
	in, err := m.take()
	if err != nil {
		return Outcome{Status: Halt, Err: err}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	in.space.Begin()
	in.guest.Start(call, state, gasLimit)
	err = in.call.CallWithStack(in.ctx, in.stack[:])
	o := in.guest.Finish(uint32(in.stack[0]), err) // #nosec G115 -- an i32
	in.show(state)
	usable := m.reset(in)
	if usable && m.engine.cfg.Verify && !in.space.Matches() {
		o = Outcome{Status: Halt, Err: errors.New("a contract's memory is not its snapshot after a reset")}
	}
	m.give(in, usable)
	return o
}

// reset makes the instance what it was before the call. One that cannot be reset
// is dropped; the call's outcome stands.
func (m *Module) reset(in *instance) bool {
	if _, err := in.space.Reset(); err != nil {
		return false
	}
	for i, g := range in.globals {
		g.Set(m.globals[i])
	}
	size := m.snapshot.Size()
	return int(in.module.Memory().Size()) == size || shrink(in, size) == nil
}

var errShrink = errors.New("the engine's memory cannot be made smaller")

// shrink takes back pages that a call added. wazero has no function for it: its
// memory's exported field Buffer is set to one page less than wanted, and growing
// by that page tells the compiled code the length.
func shrink(in *instance, size int) error {
	mem := in.module.Memory()
	if size < pageBytes {
		return errShrink
	}
	v := reflect.ValueOf(mem)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return errShrink
	}
	buffer := v.Elem().FieldByName("Buffer")
	if !buffer.IsValid() || !buffer.CanSet() || buffer.Type() != reflect.TypeFor[[]byte]() {
		return errShrink
	}
	buffer.SetBytes(in.space.Reallocate(uint64(size - pageBytes))) // #nosec G115 -- at least a page
	if _, ok := mem.Grow(1); !ok || int(mem.Size()) != size {
		return errShrink
	}
	return nil
}

// Close waits for calls to end and gives everything back.
func (m *Module) Close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	for m.out > 0 {
		m.quiet.Wait()
	}
	idle := m.idle
	m.idle = nil
	m.mu.Unlock()
	var err error
	for _, in := range idle {
		err = errors.Join(err, in.close(ctx))
	}
	if m.snapshot != nil {
		err = errors.Join(err, m.snapshot.Close())
		m.snapshot = nil
	}
	return errors.Join(err, m.compiled.Close(ctx))
}
