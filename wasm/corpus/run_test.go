package corpus

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
)

// entry is a module with its calls, in order, all from one snapshot.
type entry struct {
	name  string
	code  []byte
	calls []call
	fold  bool // one line for all calls: their number, gas and a hash of their lines
	keep  bool // what a successful call wrote is there for the next
	blind bool // memory is not hashed: the output tells all
}

type call struct {
	wasm.Call
	name  string
	gas   uint64
	fresh bool // nothing is kept from before
}

// witness is the state of one call.
type witness struct {
	*wasmtest.State
	memory string
}

// Memory implements wasm.Witness: pages and hash of what the call leaves.
func (w *witness) Memory(bytes []byte) {
	sum := sha256.Sum256(bytes)
	w.memory = fmt.Sprintf("%d/%x", len(bytes)>>16, sum[:8])
}

// run writes the lines of an entry.
func run(t testing.TB, e *wasm.Engine, en entry) []string {
	t.Helper()
	ctx := context.Background()
	m, err := e.Compile(ctx, en.code)
	require.NoError(t, err, en.name)
	defer func() { require.NoError(t, m.Close(ctx)) }()
	var lines []string
	values := map[string][]byte{}
	all, gas := sha256.New(), uint64(0)
	for _, c := range en.calls {
		if c.fresh {
			values = map[string][]byte{}
		}
		line, o, after := one(t, m, c, values, en.blind)
		if en.keep && o.Status == wasm.OK {
			values = after
		}
		if !en.fold {
			lines = append(lines, en.name+"/"+c.name+" "+line)
			continue
		}
		fmt.Fprintln(all, line)
		gas += o.GasUsed
	}
	if en.fold {
		lines = append(lines, fmt.Sprintf("%s calls=%d gas=%d lines=%x", en.name, len(en.calls), gas, all.Sum(nil)[:16]))
	}
	return lines
}

// one makes a call and tells all that it left, also what a failed call had written.
func one(t testing.TB, m *wasm.Module, c call, values map[string][]byte, blind bool) (string, wasm.Outcome, map[string][]byte) {
	t.Helper()
	w := &witness{State: wasmtest.New(), memory: "-"}
	maps.Copy(w.Values, values)
	var state wasm.State = w
	if blind {
		state = w.State
	}
	o := m.Call(&c.Call, state, c.gas)
	require.NotEqual(t, wasm.Halt, o.Status, "%s: %v", c.name, o.Err)
	return fmt.Sprintf("%s code=%d %q output=%s gas=%d memory=%s writes=%s",
		o.Status, o.Code, o.Message, digest(o.Output), o.GasUsed, w.memory, writes(w.State)), o, w.Values
}

func digest(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	sum := sha256.Sum256(b)
	return fmt.Sprintf("%d/%x", len(b), sum[:8])
}

// writes is a hash of values, events and logs.
func writes(s *wasmtest.State) string {
	if len(s.Values)+len(s.Events)+len(s.Logs) == 0 {
		return "-"
	}
	h := sha256.New()
	for _, k := range slices.Sorted(maps.Keys(s.Values)) {
		field(h, []byte(k), s.Values[k])
	}
	for _, e := range s.Events {
		field(h, []byte(e.Topic), e.Data, e.Audience)
	}
	for _, l := range s.Logs {
		field(h, []byte(l))
	}
	return fmt.Sprintf("%d+%d+%d/%x", len(s.Values), len(s.Events), len(s.Logs), h.Sum(nil)[:8])
}

func field(h hash.Hash, parts ...[]byte) {
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		h.Write(p)
	}
}

func engine(t testing.TB, cfg wasm.Config) *wasm.Engine {
	t.Helper()
	e, err := wasm.New(context.Background(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close(context.Background())) })
	return e
}
