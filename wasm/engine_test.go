package wasm_test

import (
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
	mt "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

func engine(t testing.TB, cfg wasm.Config) *wasm.Engine {
	t.Helper()
	cfg.Verify = true
	e, err := wasm.New(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close(context.Background())) })
	return e
}

func compile(t testing.TB, e *wasm.Engine, code []byte) *wasm.Module {
	t.Helper()
	m, err := e.Compile(context.Background(), code)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close(context.Background())) })
	return m
}

// both runs a call in machine code and in the interpreter and requires the same
// outcome, gas included, three times in a row and with both forms of memory.
func both(t *testing.T, code []byte, call wasm.Call, gas uint64) (wasm.Outcome, *wasmtest.State) {
	t.Helper()
	var first wasm.Outcome
	var state *wasmtest.State
	configs, rounds := []wasm.Config{{}, {Interpreter: true}, {Portable: true}}, 3
	if testing.Short() {
		configs, rounds = configs[:2], 2
	}
	for i, cfg := range configs {
		m := compile(t, engine(t, cfg), code)
		for round := range rounds {
			s := wasmtest.New()
			o := s.Call(m, call, gas)
			require.NotEqual(t, wasm.Halt, o.Status, "%v", o.Err)
			if i == 0 && round == 0 {
				first, state = o, s
				continue
			}
			require.Equal(t, first, o, "engine %d round %d", i, round)
			require.Equal(t, state, s, "engine %d round %d", i, round)
		}
	}
	return first, state
}

const plenty = 100_000_000

func i32(v int32) []byte { return mt.I32Const(v) }

func TestAHostileContractEndsAndHarmsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("it interprets to the last gas, which is slow under the race detector")
	}
	loop := mt.New().Call(nil, mt.Op(0x03, 0x40, 0x0c, 0x00, 0x0b), i32(0)).Bytes()
	recursion := mt.New()
	self := recursion.Func(nil, []byte{mt.I32}, nil, mt.CallFunc(0))
	recursion.Export(module.ExportCall, 0, self)
	wide := mt.New()
	locals := make([]byte, 900)
	for i := range locals {
		locals[i] = mt.I64
	}
	wide.Export(module.ExportCall, 0, wide.Func(nil, []byte{mt.I32}, locals, mt.CallFunc(0)))
	// allocate: grow by one page until it fails, then for ever
	alloc := mt.New().Call(nil, mt.Op(0x03, 0x40), i32(1), mt.Op(0x40, 0x00, 0x1a, 0x0c, 0x00, 0x0b), i32(0)).Bytes()
	fill := mt.New()
	fill.Pages = 200
	fill.Call(nil, mt.Op(0x03, 0x40), i32(0), i32(1), i32(200*65536), mt.Op(0xfc, 11, 0x00, 0x0c, 0x00, 0x0b), i32(0))

	for name, c := range map[string]struct {
		code   []byte
		status wasm.Status
		text   string
	}{
		"loops for ever":        {loop, wasm.OutOfGas, "gas limit"},
		"recurses for ever":     {recursion.Bytes(), wasm.Trapped, "calls nest too deep"},
		"recurses with locals":  {wide.Bytes(), wasm.Trapped, "calls nest too deep"},
		"allocates for ever":    {alloc, wasm.OutOfGas, "gas limit"},
		"fills for ever":        {fill.Bytes(), wasm.OutOfGas, "gas limit"},
		"traps":                 {mt.New().Call(nil, mt.Op(0x00)).Bytes(), wasm.Trapped, "unreachable"},
		"divides by zero":       {mt.New().Call(nil, i32(1), i32(0), mt.Op(0x6d)).Bytes(), wasm.Trapped, "integer divide by zero"},
		"remainder by zero":     {mt.New().Call(nil, i32(1), i32(0), mt.Op(0x6f)).Bytes(), wasm.Trapped, "integer divide by zero"},
		"reads beyond memory":   {mt.New().Call(nil, i32(-4), mt.Memory(0x28, 2, 0)).Bytes(), wasm.Trapped, "out of bounds memory access"},
		"returns an error":      {mt.New().Call(nil, i32(7)).Bytes(), wasm.Failed, "the contract returned 7"},
		"returns from the deep": {mt.New().Call(nil, mt.Op(0x02, 0x40), i32(9), mt.Op(0x0f, 0x0b), i32(3)).Bytes(), wasm.Failed, "returned 9"},
	} {
		t.Run(name, func(t *testing.T) {
			o, s := both(t, c.code, wasm.Call{}, plenty)
			require.Equal(t, c.status, o.Status)
			require.Contains(t, o.Message, c.text)
			require.Empty(t, s.Values)
			if c.status == wasm.OutOfGas {
				require.EqualValues(t, plenty, o.GasUsed)
			}
		})
	}
}

func TestRemainderAndNaN(t *testing.T) {
	b := mt.New()
	output := b.ABI("output")
	var body [][]byte
	at := int32(0)
	store := func(op byte, width int32, value ...[]byte) {
		body = append(body, i32(at), mt.Cat(value...), mt.Memory(op, 0, 0))
		at += width
	}
	for _, pair := range [][2]int32{{7, 3}, {-7, 3}, {7, -3}, {math.MinInt32, -1}, {math.MinInt32, 1}, {0, 5}} {
		store(0x36, 4, i32(pair[0]), i32(pair[1]), mt.Op(0x6f)) // rem_s
		store(0x36, 4, i32(pair[0]), i32(pair[1]), mt.Op(0x70)) // rem_u
	}
	for _, pair := range [][2]int64{{7, -3}, {-8, 3}, {math.MinInt64, -1}, {math.MaxInt64, math.MinInt64}} {
		store(0x37, 8, mt.I64Const(pair[0]), mt.I64Const(pair[1]), mt.Op(0x81))
		store(0x37, 8, mt.I64Const(pair[0]), mt.I64Const(pair[1]), mt.Op(0x82))
	}
	nan := at
	zero := mt.F64Const(0)
	store(0x39, 8, zero, zero, mt.Op(0xa3))                       // 0/0
	store(0x39, 8, mt.F64Const(-1), mt.Op(0x9f))                  // sqrt(-1)
	store(0x38, 4, mt.F32Const(0), mt.F32Const(0), mt.Op(0x95))   // f32 0/0
	store(0x38, 4, zero, zero, mt.Op(0xa3), mt.Op(0xb6))          // demoted
	store(0x39, 8, mt.F64Const(1.5), mt.F64Const(2), mt.Op(0xa2)) // 3, unharmed
	body = append(body, i32(0), i32(at), mt.CallFunc(output), i32(0))
	o, _ := both(t, b.Call(nil, body...).Bytes(), wasm.Call{}, plenty)
	require.Equal(t, wasm.OK, o.Status, o.Message)
	le32 := func(i int) int32 {
		return int32(uint32(o.Output[i]) | uint32(o.Output[i+1])<<8 | uint32(o.Output[i+2])<<16 | uint32(o.Output[i+3])<<24)
	}
	umin := uint32(math.MaxUint32) - 6
	for i, want := range []int32{1, 1, -1, int32(umin % 3), 1, 7, 0, math.MinInt32, 0, 0, 0, 0} {
		require.Equal(t, want, le32(4*i), "remainder %d", i)
	}
	require.Equal(t, []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x7f}, o.Output[nan:nan+8])
	require.Equal(t, []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x7f}, o.Output[nan+8:nan+16])
	require.Equal(t, []byte{0, 0, 0xc0, 0x7f}, o.Output[nan+16:nan+20])
	require.Equal(t, []byte{0, 0, 0xc0, 0x7f}, o.Output[nan+20:nan+24])
	require.Equal(t, []byte{0, 0, 0, 0, 0, 0, 0x08, 0x40}, o.Output[nan+24:nan+32])
}

// A call that writes memory and globals and grows is invisible to the next, and
// costs the same each time.
func TestACallLeavesNothingBehind(t *testing.T) {
	b := mt.New()
	output := b.ABI("output")
	g := b.Global(mt.I32, true, i32(5))
	b.Call(nil,
		i32(100), i32(100), mt.Memory(0x28, 2, 0), i32(1), mt.Op(0x6a), mt.Memory(0x36, 2, 0), // m[100]++
		mt.GlobalGet(g), i32(1), mt.Op(0x6a), mt.GlobalSet(g),
		i32(104), mt.GlobalGet(g), mt.Memory(0x36, 2, 0),
		i32(108), i32(3), mt.Op(0x40, 0), mt.Memory(0x36, 2, 0), // old size
		i32(3*65536), i32(1), mt.Memory(0x36, 2, 0),
		i32(100), i32(12), mt.CallFunc(output), i32(0))
	o, _ := both(t, b.Bytes(), wasm.Call{}, plenty)
	require.Equal(t, []byte{1, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0}, o.Output)
}

func TestModulesThatAreRefused(t *testing.T) {
	ok := func() *mt.Builder { return mt.New() }
	e := engine(t, wasm.Config{})
	simple := i32(0)
	with := func(f func(b *mt.Builder)) []byte {
		b := ok()
		f(b)
		return b.Call(nil, simple).Bytes()
	}
	nest := strings.Repeat("\x02\x40", 1100) + strings.Repeat("\x0b", 1100)
	for name, c := range map[string]struct {
		code []byte
		rule module.Rule
		text string
	}{
		"empty":            {nil, module.RuleFormat, "no WebAssembly module"},
		"text":             {[]byte("(module)"), module.RuleFormat, "no WebAssembly module"},
		"cut":              {ok().Call(nil, simple).Bytes()[:30], module.RuleFormat, ""},
		"foreign import":   {with(func(b *mt.Builder) { b.Import("env", "foo", nil, nil) }), module.RuleImport, "imports env.foo, which is not offered; offered by concordat_1 are call_read"},
		"socket import":    {with(func(b *mt.Builder) { b.Import(module.WASI, "sock_open", nil, nil) }), module.RuleImport, "not offered"},
		"wrong signature":  {with(func(b *mt.Builder) { b.Import(module.ABI, "get", nil, nil) }), module.RuleImport, "as () → (), but that is (i32, i32, i32, i32) → (i32)"},
		"threads":          {with(func(b *mt.Builder) { b.MaxPages = 2; b.MemoryFlags = 2 }), module.RuleFeature, "threads and atomics"},
		"atomics":          {ok().Call(nil, mt.Op(0xfe, 0x03, 0x00), simple).Bytes(), module.RuleFeature, "threads and atomics"},
		"SIMD":             {ok().Call(nil, mt.Op(0xfd, 0x0c), make([]byte, 16), mt.Op(0x1a), simple).Bytes(), module.RuleFeature, "SIMD"},
		"tail call":        {ok().Call(nil, mt.Op(0x12, 0x00), simple).Bytes(), module.RuleFeature, "tail call"},
		"exceptions":       {ok().Call(nil, mt.Op(0x08, 0x00), simple).Bytes(), module.RuleFeature, "exception"},
		"table.grow":       {ok().Call(nil, mt.Op(0xfc, 15, 0), simple).Bytes(), module.RuleFeature, "table.grow"},
		"data.drop":        {ok().Call(nil, mt.Op(0xfc, 9, 0), simple).Bytes(), module.RuleFeature, "data.drop"},
		"start":            {with(func(b *mt.Builder) { b.Start = int(b.Func(nil, nil, nil)) }), module.RuleStart, "start function"},
		"no memory":        {with(func(b *mt.Builder) { b.NoMemory = true }), module.RuleMemory, "no memory"},
		"too much memory":  {with(func(b *mt.Builder) { b.Pages = 300 }), module.RuleMemory, "300 pages"},
		"no marker":        {with(func(b *mt.Builder) { b.NoMarker = true }), module.RuleExport, "concordat_abi_1"},
		"no call":          {mt.New().Bytes(), module.RuleExport, "does not export the function call"},
		"call takes args":  {with(func(b *mt.Builder) { b.Export("warm", 0, b.Func([]byte{mt.I32}, nil, nil)) }), module.RuleExport, "warm is not a function"},
		"reserved export":  {with(func(b *mt.Builder) { b.Export("__concordat_gas", 3, 0) }), module.RuleExport, "reserved"},
		"data beyond":      {with(func(b *mt.Builder) { b.Data = mt.DataAt(65530, make([]byte, 10)) }), module.RuleSegment, "data segment 0"},
		"passive data":     {with(func(b *mt.Builder) { b.Data = []byte{1, 1, 0} }), module.RuleSegment, "passive"},
		"elements beyond":  {with(func(b *mt.Builder) { b.TableMin = 1; b.Elements = mt.Cat([]byte{1, 0}, i32(1), []byte{0x0b, 1, 0}) }), module.RuleSegment, "element segment 0"},
		"invalid code":     {ok().Call(nil, mt.Op(0x6a)).Bytes(), module.RuleValid, "not valid"},
		"wrong result":     {ok().Call(nil, mt.I64Const(1)).Bytes(), module.RuleValid, "not valid"},
		"nested too deep":  {ok().Call(nil, []byte(nest), simple).Bytes(), module.RuleLimit, "nests blocks deeper"},
		"too many blocks":  {ok().Call(nil, []byte(strings.Repeat("\x02\x40\x0b", 5000)), simple).Bytes(), module.RuleLimit, "blocks"},
		"body too long":    {ok().Call(nil, []byte(strings.Repeat("\x01", 140_000)), simple).Bytes(), module.RuleLimit, "bytes"},
		"junk behind":      {with(func(b *mt.Builder) { b.Raw = []byte{99, 0} }), module.RuleFeature, "section"},
		"initialise traps": {with(func(b *mt.Builder) { b.Export("_initialize", 0, b.Func(nil, nil, nil, mt.Op(0x00))) }), module.RuleInitialise, "_initialize does not end well: unreachable"},
		"initialise takes more than a transaction may": {with(func(b *mt.Builder) {
			b.Export("warm", 0, b.Func(nil, nil, []byte{mt.I32}, mt.Op(0x03, 0x40), mt.Get(0), i32(1), mt.Op(0x6a), mt.Tee(0), i32(25_000_000), mt.Op(0x49, 0x0d, 0, 0x0b)))
		}), module.RuleInitialise, "gas limit"},
		"initialise hangs": {with(func(b *mt.Builder) { b.Export("warm", 0, b.Func(nil, nil, nil, mt.Op(0x03, 0x40, 0x0c, 0, 0x0b))) }), module.RuleInitialise, "gas limit"},
		"initialise writes": {with(func(b *mt.Builder) {
			put := b.ABI("put")
			zero := mt.Cat(i32(0), i32(1), i32(0), i32(1), i32(0), i32(0))
			b.Export("warm", 0, b.Func(nil, nil, nil, zero, mt.CallFunc(put), mt.Op(0x1a)))
		}), module.RuleInitialise, "during initialisation"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := e.Compile(context.Background(), c.code)
			var refusal *module.Refusal
			require.True(t, errors.As(err, &refusal), "%v", err)
			require.Equal(t, c.rule, refusal.Rule, refusal.Detail)
			require.Contains(t, err.Error(), c.text)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestConcurrentCalls(t *testing.T) {
	b := mt.New()
	get, put := b.ABI("get"), b.ABI("put")
	b.Data = mt.DataAt(0, []byte("k"))
	b.Call(nil, i32(0), i32(1), i32(16), i32(8), mt.CallFunc(get), mt.Op(0x1a),
		i32(16), i32(16), mt.Memory(0x28, 2, 0), i32(1), mt.Op(0x6a), mt.Memory(0x36, 2, 0),
		i32(0), i32(1), i32(16), i32(8), i32(0), i32(0), mt.CallFunc(put))
	m := compile(t, engine(t, wasm.Config{}), b.Bytes())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s := wasmtest.New()
			for range 200 {
				if o := s.Call(m, wasm.Call{}, plenty); o.Status != wasm.OK {
					t.Errorf("%v %s %v", o.Status, o.Message, o.Err)
				}
			}
			if s.Values["k"][0] != 200 {
				t.Errorf("counted %d", s.Values["k"][0])
			}
		})
	}
	wg.Wait()
}

func TestALocalFaultHalts(t *testing.T) {
	b := mt.New()
	get := b.ABI("get")
	b.Call(nil, i32(0), i32(1), i32(16), i32(8), mt.CallFunc(get), mt.Op(0x1a), i32(0))
	m := compile(t, engine(t, wasm.Config{}), b.Bytes())
	s := wasmtest.New()
	s.Fail = errors.New("the disk is gone")
	o := s.Call(m, wasm.Call{}, plenty)
	require.Equal(t, wasm.Halt, o.Status)
	require.ErrorIs(t, o.Err, s.Fail)
}

// goGuest is built with the standard toolchain; it allocates, starts goroutines,
// sleeps, ranges over a map and asks for random bytes.
const goGuest = `package main

import ("time"; "crypto/rand")

//go:wasmimport concordat_1 output
func output(p *byte, n uint32)

//go:wasmexport concordat_abi_1
func marker() {}

var counter int

//go:wasmexport call
func call() int32 {
	counter++
	m := map[int]int{}
	for i := range 1000 { m[i] = i }
	sum := 0
	for k := range m { sum = sum*31 + k }
	c := make(chan int)
	go func() { time.Sleep(50 * time.Millisecond); c <- sum }()
	v := <-c
	b := make([]byte, 32)
	rand.Read(b[8:])
	now := time.Now().UnixNano()
	for i := range 4 { b[i] = byte(v >> (8*i)); b[i+4] = byte(now >> (8*i)) }
	b[31] = byte(counter)
	output(&b[0], 32)
	return 0
}

//go:wasmexport warm
func warm() {}

func main() {}
`

func buildGo(t testing.TB, source string) []byte {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module guest\n\ngo 1.24\n"), 0o600))
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w -buildid=", "-o", "guest.wasm", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	code, err := os.ReadFile(filepath.Join(dir, "guest.wasm"))
	require.NoError(t, err)
	return code
}

func TestAGoContractIsDeterministic(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles a Go module three times, which is slow under the race detector")
	}
	code := buildGo(t, goGuest)
	o, _ := both(t, code, wasm.Call{Time: 0x01020304}, plenty)
	require.Equal(t, wasm.OK, o.Status, o.Message)
	require.Equal(t, []byte{4, 3, 2, 1}, o.Output[4:8])
	require.Equal(t, byte(1), o.Output[31])
	t.Logf("gas %d", o.GasUsed)
}

func TestAGoPanicSaysWhy(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles a Go module three times, which is slow under the race detector")
	}
	code := buildGo(t, strings.Replace(goGuest, "counter++", "counter++; var p *int; if counter > 0 { panic(\"no such luck\") }; _ = p", 1))
	o, s := both(t, code, wasm.Call{}, plenty)
	require.Equal(t, wasm.Trapped, o.Status)
	require.Contains(t, o.Message, "unreachable: panic: no such luck")
	require.Regexp(t, `main\.go:\d+`, strings.Join(s.Logs, ""), "its stack is logged, with lines")
}
