package wasm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/concordat-ledger/concordat/wasm/host"
	"github.com/concordat-ledger/concordat/wasm/memory"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// Config says how an engine runs. The zero value is right for a replica.
type Config struct {
	CacheDir    string // compiled code is kept there; empty: it is compiled anew at each start
	Interpreter bool   // no machine code; the same results, 10 to 50 times slower
	PoolSize    int    // idle instances kept for each module; 0: DefaultPoolSize
	Verify      bool   // compare all memory after each reset; for tests
	Portable    bool   // reset by copying all memory, as on systems other than Linux
	// Alter changes a rewritten module before it becomes machine code: a compiler with a
	// defect, for tests of what must find one.
	Alter func(rewritten []byte) []byte
}

// DefaultPoolSize keeps one instance for the executor and one for queries.
const DefaultPoolSize = 2

// compileWorkers leaves the other processors to the ledger: nothing waits for a module
// that is compiled ahead.
const compileWorkers = 1

// GasInitialise is the gas that _initialize and warm may use together: what a transaction has
// by default, and 16 times what a Go contract with its runtime needs. Nobody pays for it, and it
// is used again whenever a module is compiled, so it is no more.
const GasInitialise = 100_000_000

// features are the parts of WebAssembly that are offered. Vectors, threads,
// exceptions, tail calls and references stay off in the engine too.
const features = api.CoreFeaturesV1 | api.CoreFeatureSignExtensionOps | api.CoreFeatureNonTrappingFloatToIntConversion |
	api.CoreFeatureMultiValue | api.CoreFeatureBulkMemoryOperations

// Engine compiles modules. It is safe for concurrent use. Each engine has one runtime that
// imports and a compilation cache of its own: in wazero 1.12.0 runtimes that share a cache
// can mix up the types of imported functions (wazero issue 2511). Engines may share the
// cache's folder, for files hold no such numbers.
type Engine struct {
	cfg   Config
	rt    wazero.Runtime
	check wazero.Runtime // validates originals; an interpreter, for it never runs them
	cache wazero.CompilationCache
	files cacheFolder
}

// New starts an engine.
func New(ctx context.Context, cfg Config) (*Engine, error) {
	if cfg.PoolSize == 0 {
		cfg.PoolSize = DefaultPoolSize
	}
	e := &Engine{cfg: cfg, files: cacheFolder{dir: cfg.CacheDir, most: cacheBytesMax}}
	if err := e.files.begin(); err != nil {
		return nil, fmt.Errorf("the cache of compiled contracts in %s: %w", cfg.CacheDir, err)
	}
	rc := wazero.NewRuntimeConfigCompiler
	if cfg.Interpreter {
		rc = wazero.NewRuntimeConfigInterpreter
	}
	own := rc().WithCoreFeatures(features).WithMemoryLimitPages(module.MemoryPagesMax).WithDebugInfoEnabled(false)
	if cfg.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(cfg.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("opening the cache of compiled contracts in %s: %w", cfg.CacheDir, err)
		}
		e.cache, own = cache, own.WithCompilationCache(cache)
	}
	e.rt = wazero.NewRuntimeWithConfig(ctx, own)
	e.check = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features).WithDebugInfoEnabled(false))
	if err := host.Instantiate(ctx, e.rt); err != nil {
		return nil, errors.Join(fmt.Errorf("offering the host functions: %w", err), e.Close(ctx))
	}
	return e, nil
}

// Close ends the engine. Modules must be closed before.
func (e *Engine) Close(ctx context.Context) error {
	err := errors.Join(e.rt.Close(ctx), e.check.Close(ctx))
	if e.cache != nil {
		err = errors.Join(err, e.cache.Close(ctx))
	}
	return err
}

// Compile judges a module and makes it callable. The error is a *module.Refusal when
// the module is at fault, which every replica finds alike; any other error is local.
// The original is type-checked, for only then does the rewriting mean the same.
func (e *Engine) Compile(ctx context.Context, code []byte) (*Module, error) {
	instrumented, info, err := module.Instrument(code)
	if err != nil {
		return nil, err
	}
	if err := e.validate(ctx, code); err != nil {
		return nil, err
	}
	return e.ready(ctx, code, instrumented, info)
}

// CompileAccepted is Compile for a module that was judged before: the type check of the
// original is left out, which takes longer than the rest when the code is in the cache.
func (e *Engine) CompileAccepted(ctx context.Context, code []byte) (*Module, error) {
	instrumented, info, err := module.Instrument(code)
	if err != nil {
		return nil, err
	}
	return e.ready(ctx, code, instrumented, info)
}

func (e *Engine) ready(ctx context.Context, code, instrumented []byte, info *module.Info) (*Module, error) {
	if e.cfg.Alter != nil {
		instrumented = e.cfg.Alter(instrumented)
	}
	compiled, err := e.machineCode(ctx, instrumented)
	if err != nil {
		// If the rewritten form is not valid, every replica finds the same, and it is the
		// module's. The compiler has type-checked it already, so this is done only now.
		if refusal := e.validate(ctx, instrumented); refusal != nil {
			return nil, refusal
		}
		return nil, err
	}
	m := newModule(e, compiled, info, code)
	if err := m.prepare(ctx); err != nil {
		return nil, errors.Join(err, m.Close(ctx))
	}
	return m, nil
}

// validate type-checks a module. It is the same Go code on every processor, so its
// verdict, and even a defect in it, is the module's: every replica refuses alike.
func (e *Engine) validate(ctx context.Context, code []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &module.Refusal{Rule: module.RuleValid, Detail: "it cannot be validated", Engine: fmt.Sprint(r)}
		}
	}()
	compiled, err := e.check.CompileModule(ctx, code)
	if err != nil {
		return &module.Refusal{Rule: module.RuleValid, Detail: "its code is not valid", Engine: oneLine(err)}
	}
	return compiled.Close(ctx)
}

// machineCode compiles a valid module. What goes wrong here may go well on another
// processor, so it is a fault of this replica and never a verdict on the module.
func (e *Engine) machineCode(ctx context.Context, code []byte) (compiled wazero.CompiledModule, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("compiling a valid module: %v", r)
		}
	}()
	if err := e.files.check(); err != nil {
		return nil, fmt.Errorf("compiling a valid module: %w", err)
	}
	compiled, err = e.rt.CompileModule(experimental.WithCompilationWorkers(ctx, compileWorkers), code)
	if err != nil {
		return nil, fmt.Errorf("compiling a valid module: %w", err)
	}
	if err := e.files.seal(); err != nil {
		return nil, errors.Join(fmt.Errorf("compiling a valid module: %w", err), compiled.Close(ctx))
	}
	return compiled, nil
}

func oneLine(err error) string {
	first, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return first
}

// instance is one instantiation of a module with its memory.
type instance struct {
	module  api.Module
	ctx     context.Context // carries the guest to host functions
	guest   *host.Guest
	space   memory.Space
	call    api.Function
	globals []api.MutableGlobal
	stack   [1]uint64
}

func (m *Module) instantiate(ctx context.Context) (*instance, error) {
	space, err := memory.Reserve(uint64(m.info.MemoryPagesMax)*pageBytes, memory.Portable(m.engine.cfg.Portable))
	if err != nil {
		return nil, err
	}
	in := &instance{space: space, guest: &host.Guest{}}
	in.ctx = host.With(context.Background(), in.guest)
	with := experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(
		func(_, _ uint64) experimental.LinearMemory { return space }))
	in.module, err = m.engine.rt.InstantiateModule(with, m.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		space.Free() // nothing of this machine goes into it: the room is reserved already
		return nil, &module.Refusal{Rule: module.RuleSegment, Detail: "it cannot be instantiated", Engine: oneLine(err)}
	}
	if err := in.guest.Bind(in.module); err != nil {
		return nil, errors.Join(err, in.close(ctx))
	}
	in.call = in.module.ExportedFunction(module.ExportCall)
	for _, name := range m.info.MutableGlobals {
		g, ok := in.module.ExportedGlobal(name).(api.MutableGlobal)
		if !ok {
			return nil, errors.Join(fmt.Errorf("global %s cannot be set", name), in.close(ctx))
		}
		in.globals = append(in.globals, g)
	}
	return in, nil
}

func (in *instance) close(ctx context.Context) error {
	err := in.module.Close(ctx)
	in.space.Free()
	return err
}

// pageBytes is WebAssembly's page.
const pageBytes = 64 << 10
