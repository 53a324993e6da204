package module_test

import (
	"context"
	"encoding/binary"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/concordat-ledger/concordat/wasm/memory"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// cosmos is a small host for CosmWasm contracts, for tests of the engine with
// programs that nobody here wrote. A value crosses as a region: twelve bytes that
// say where it is, how much room there is and how much is used; the host allocates
// one by calling the guest.
type cosmos struct {
	t        testing.TB
	guest    api.Module
	space    memory.Space
	size     uint32 // of the snapshot
	globals  map[string]uint64
	values   map[string][]byte
	scans    [][][2][]byte
	gas      uint64
	allocate api.Function
}

const cosmosEnv = `{"block":{"height":12345,"time":"1571797419879305533","chain_id":"concordat"},"transaction":{"index":3},"contract":{"address":"contract"}}`

// newCosmos instantiates a contract, rewritten, and keeps its memory as a snapshot.
func newCosmos(t testing.TB, cfg wazero.RuntimeConfig, code []byte) *cosmos {
	t.Helper()
	ctx := context.Background()
	out, err := module.InstrumentForeign(code)
	require.NoError(t, err)
	c := &cosmos{t: t, values: map[string][]byte{}, globals: map[string]uint64{}}
	rt := wazero.NewRuntimeWithConfig(ctx, cfg.WithCoreFeatures(api.CoreFeaturesV2))
	t.Cleanup(func() { require.NoError(t, rt.Close(ctx)) })
	compiled, err := rt.CompileModule(ctx, out)
	require.NoError(t, err)
	env := rt.NewHostModuleBuilder("env")
	for _, f := range compiled.ImportedFunctions() {
		_, name, _ := f.Import()
		env.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
			c.host(name, stack)
		}), f.ParamTypes(), f.ResultTypes()).Export(name)
	}
	_, err = env.Instantiate(ctx)
	require.NoError(t, err)
	c.space, err = memory.Reserve(256<<16, false)
	require.NoError(t, err)
	with := experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory { return c.space }))
	c.guest, err = rt.InstantiateModule(with, compiled, wazero.NewModuleConfig().WithStartFunctions())
	require.NoError(t, err)
	c.allocate = c.guest.ExportedFunction("allocate")
	refuel(c.guest)
	region := c.give(make([]byte, 256<<10)) // the guest keeps this room, so that no call grows the memory
	_, err = c.guest.ExportedFunction("deallocate").Call(ctx, region)
	require.NoError(t, err)
	_, err = c.space.Capture()
	require.NoError(t, err)
	c.size = c.guest.Memory().Size()
	for i := range 16 {
		name := module.ExportGlobal + strconv.Itoa(i)
		if g, ok := c.guest.ExportedGlobal(name).(api.MutableGlobal); ok {
			c.globals[name] = g.Get()
		}
	}
	return c
}

// host serves an import.
func (c *cosmos) host(name string, s []uint64) {
	for i := range s { // all are i32; what the engine leaves above them means nothing
		s[i] = uint64(uint32(s[i]))
	}
	switch name {
	case "db_read":
		value, ok := c.values[string(c.region(s[0]))]
		s[0] = 0
		if ok {
			s[0] = c.give(value)
		}
	case "db_write":
		c.values[string(c.region(s[0]))] = slices.Clone(c.region(s[1]))
	case "db_remove":
		delete(c.values, string(c.region(s[0])))
	case "db_scan":
		c.scan(s)
	case "db_next":
		var entry [2][]byte
		if list := c.scans[s[0]]; len(list) > 0 {
			entry, c.scans[s[0]] = list[0], list[1:]
		}
		var b []byte
		for _, part := range entry { // each with its length behind it
			b = binary.BigEndian.AppendUint32(append(b, part...), uint32(len(part)))
		}
		s[0] = c.give(b)
	case "addr_validate":
		s[0] = 0 // any name is an address
	case "addr_canonicalize", "addr_humanize":
		c.fill(s[1], c.region(s[0]))
		s[0] = 0
	case "debug":
	default:
		panic("the contract calls " + name + ", which the test's host has not")
	}
}

func (c *cosmos) scan(s []uint64) {
	from, to := "", ""
	if s[0] != 0 {
		from = string(c.region(s[0]))
	}
	if s[1] != 0 {
		to = string(c.region(s[1]))
	}
	var list [][2][]byte
	for k, v := range c.values {
		if k >= from && (s[1] == 0 || k < to) {
			list = append(list, [2][]byte{[]byte(k), v})
		}
	}
	slices.SortFunc(list, func(a, b [2][]byte) int { return slices.Compare(a[0], b[0]) })
	if int32(s[2]) == 2 {
		slices.Reverse(list)
	}
	c.scans = append(c.scans, list)
	s[0] = uint64(len(c.scans) - 1)
}

func (c *cosmos) field(region uint64, i uint32) uint32 {
	v, ok := c.guest.Memory().ReadUint32Le(uint32(region) + 4*i)
	require.True(c.t, ok)
	return v
}

func (c *cosmos) region(region uint64) []byte {
	b, ok := c.guest.Memory().Read(c.field(region, 0), c.field(region, 2))
	require.True(c.t, ok)
	return b
}

func (c *cosmos) fill(region uint64, b []byte) {
	require.LessOrEqual(c.t, uint32(len(b)), c.field(region, 1))
	b = slices.Clone(b)
	require.True(c.t, c.guest.Memory().Write(c.field(region, 0), b))
	require.True(c.t, c.guest.Memory().WriteUint32Le(uint32(region)+8, uint32(len(b))))
}

func (c *cosmos) give(b []byte) uint64 {
	b = slices.Clone(b)
	var stack [1]uint64
	stack[0] = uint64(len(b))
	require.NoError(c.t, c.allocate.CallWithStack(context.Background(), stack[:]))
	c.fill(stack[0], b)
	return stack[0]
}

// call runs an entry point with messages from the snapshot, and puts all back.
func (c *cosmos) call(entry string, messages ...string) string {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.space.Begin()
	refuel(c.guest)
	c.scans = nil
	args := make([]uint64, len(messages))
	for i, m := range messages {
		args[i] = c.give([]byte(m))
	}
	out, err := c.guest.ExportedFunction(entry).Call(context.Background(), args...)
	require.NoError(c.t, err, entry)
	var slots int32
	c.gas, slots = spent(c.guest)
	require.Zero(c.t, slots)
	result := string(c.region(out[0]))
	require.Equal(c.t, c.size, c.guest.Memory().Size())
	_, err = c.space.Reset()
	require.NoError(c.t, err)
	for name, v := range c.globals {
		c.guest.ExportedGlobal(name).(api.MutableGlobal).Set(v)
	}
	return result
}
