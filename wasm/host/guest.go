package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// Guest is one instance's side of the host functions. It serves one call at a
// time, between Start and Finish.
type Guest struct {
	memory api.Memory
	budget api.MutableGlobal
	left   api.MutableGlobal // the reserve

	call     *Call
	envelope []byte
	state    State // nil while the instance is prepared
	limit    uint64
	end      ending
	halt     error
	output   []byte
	code     uint32
	message  string
	pending  []byte
	scans    []*scan
	writes   int
	events   int
	emitted  int
	logged   int
	stderr   []byte
	clock    uint64 // monotonic, nanoseconds
	random   randomSource

	readers       Readers // of all that was read so far
	lastRead      []byte  // the audience that was looked at last
	organisations map[ledger.Party]string
	told          bool // the message was declassified
}

// ending says why the guest was stopped by a host function.
type ending uint8

const (
	running ending = iota
	endFail
	endTrap
	endGas
	endHalt
)

type scan struct {
	iterator   Iterator
	key, value []byte // read but not yet handed over
	held       bool
}

type guestKey struct{}

// With returns a context in which host functions act on g.
func With(ctx context.Context, g *Guest) context.Context {
	return context.WithValue(ctx, guestKey{}, g)
}

// Bind finds what the guest needs among an instrumented instance's exports.
func (g *Guest) Bind(m api.Module) error {
	g.memory = m.Memory()
	for name, to := range map[string]*api.MutableGlobal{
		module.ExportBudget: &g.budget, module.ExportReserve: &g.left,
	} {
		global, ok := m.ExportedGlobal(name).(api.MutableGlobal)
		if !ok {
			return fmt.Errorf("the instrumented module does not export %s", name)
		}
		*to = global
	}
	if g.memory == nil {
		return errors.New("the instrumented module has no memory")
	}
	return nil
}

// clockStart is the monotonic clock when a call begins; the Go runtime refuses zero.
const clockStart = 1_000_000_000

// Prepare readies the guest for _initialize and warm, which see no state.
func (g *Guest) Prepare(gas uint64) { g.Start(&Call{}, nil, gas) }

// Start readies the guest for a call.
func (g *Guest) Start(call *Call, state State, gas uint64) {
	gas = min(gas, math.MaxInt64)
	first := min(gas, module.GasSlice)
	g.budget.Set(uint64(module.NewBudget(int64(first), module.StackSlots))) // #nosec G115 -- at most a slice
	g.left.Set(gas - first)
	scans, envelope := g.scans[:0], g.envelope[:0]
	*g = Guest{
		memory: g.memory, budget: g.budget, left: g.left,
		call: call, state: state, limit: gas, scans: scans, clock: clockStart, readers: call.Read,
	}
	g.envelope = appendEnvelope(envelope, call)
}

// spent is the gas used so far, and whether it is more than there was.
func (g *Guest) spent() (uint64, bool) {
	left := module.Budget(g.budget.Get()).Gas() + int64(g.left.Get()) // #nosec G115 -- both are signed 64-bit numbers
	if left < 0 {
		return g.limit, true
	}
	return g.limit - uint64(left), false
}

// Finish tells how the call ended. result and err are what the engine returned.
func (g *Guest) Finish(result uint32, err error) Outcome {
	for _, s := range g.scans {
		s.iterator.Close()
	}
	used, over := g.spent()
	o := Outcome{GasUsed: used, Read: g.readers}
	switch {
	case g.end == endHalt:
		return Outcome{Status: Halt, Err: g.halt}
	case over || g.end == endGas:
		o.Status, o.GasUsed = OutOfGas, g.limit
		o.Message = fmt.Sprintf("the gas limit of %d is used up", g.limit)
	case g.end == endFail:
		o.Status, o.Code, o.Message = Failed, g.code, g.worded(g.message)
	case g.end == endTrap:
		o.Status, o.Message = Trapped, g.worded(g.message)
	case err == nil && result == 0:
		o.Status, o.Output = OK, g.output
	case err == nil:
		o.Status, o.Code, o.Message = Failed, result, fmt.Sprintf("the contract returned %d", result)
	case module.Budget(g.budget.Get()).Slots() < 0:
		o.Status, o.Message = Trapped, "calls nest too deep"
	default:
		text, known := trapText(err)
		if !known {
			return Outcome{Status: Halt, Err: fmt.Errorf("running contract %s: %w", g.call.Self, err)}
		}
		o.Status, o.Message = Trapped, g.withWords(text)
	}
	return o
}

const logError = 2 // the level

// withheld stands for the message of a failure or trap that would tell every member what only
// some of them may see. The code is shown.
const withheld = "the message is withheld, for the call had read private records"

// worded is the message of a failure or trap as it may be shown. The replica's log
// has it in any case.
func (g *Guest) worded(message string) string {
	if message != "" && g.public() && !g.told {
		g.logText(logError, []byte(message))
		return withheld
	}
	return message
}

// withWords adds the first line of the standard error: a Go panic writes there why,
// and then traps.
func (g *Guest) withWords(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(g.stderr)), "\n")
	if line == "" || g.public() {
		return text
	}
	return cut(text+": "+line, MessageBytesMax)
}

// traps are the engine's words for WebAssembly's traps. Its own stack overflow is
// not among them: the stack budget ends a call before.
var traps = []string{
	"unreachable", "integer divide by zero", "integer overflow", "invalid conversion to integer",
	"out of bounds memory access", "invalid table access", "indirect call type mismatch",
}

func trapText(err error) (string, bool) {
	first, _, _ := strings.Cut(err.Error(), "\n")
	for _, t := range traps {
		if first == "wasm error: "+t {
			return t, true
		}
	}
	return "", false
}

// stop unwinds the guest. The engine hands an exit error through without a trace
// of the stack, and the instance stays usable.
func (g *Guest) stop(e ending) {
	g.end = e
	panic(sys.NewExitError(uint32(e)))
}

func (g *Guest) trap(format string, args ...any) {
	g.message = cut(fmt.Sprintf(format, args...), MessageBytesMax)
	g.stop(endTrap)
}

// check halts on a local fault.
func (g *Guest) check(err error) {
	if err != nil {
		g.halt = err
		g.stop(endHalt)
	}
}

// pay takes gas, from the slice first and then from the reserve.
func (g *Guest) pay(cost uint64) {
	budget := module.Budget(g.budget.Get())
	now := budget.Gas()
	if cost > math.MaxInt64/2 {
		cost = math.MaxInt64 / 2
	}
	now -= int64(cost) // #nosec G115 -- bounded above
	if now < 0 {
		reserve := int64(g.left.Get()) // #nosec G115 -- never above the limit
		take := min(reserve, module.GasSlice-now)
		now += take
		g.left.Set(uint64(reserve - take)) // #nosec G115 -- not negative
	}
	g.budget.Set(uint64(budget.WithGas(now)))
	if now < 0 {
		g.stop(endGas)
	}
}

// remaining is the gas that is left for a call of another contract.
func (g *Guest) remaining() uint64 {
	used, _ := g.spent()
	return g.limit - used
}

// bytes are the guest's own, to be used before it runs on.
func (g *Guest) bytes(ptr, n uint32) []byte {
	b, ok := g.memory.Read(ptr, n)
	if !ok {
		g.trap("a host function was given %d bytes at %d, beyond the end of memory", n, ptr)
	}
	return b
}

// give copies b to the guest if it fits into room, and returns its length.
func (g *Guest) give(ptr, room uint32, b []byte) uint32 {
	n := uint32(len(b)) // #nosec G115 -- all that is given is bounded far below
	if n <= room {
		g.pay(uint64(n) * module.GasHostByte)
		copy(g.bytes(ptr, n), b)
	}
	return n
}

// states traps while there is no state, in _initialize and warm.
func (g *Guest) states(what string) {
	if g.state == nil {
		g.trap("%s was called during initialisation, where there is no state", what)
	}
}

func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "?") // one byte, so that it stays within most
}

// appendEnvelope writes the call in the canonical protobuf subset: fields in
// ascending order, defaults left out, integers in the shortest form.
func appendEnvelope(b []byte, c *Call) []byte {
	b = appendBytes(b, 1, []byte(c.Method))
	b = appendBytes(b, 2, c.Args)
	b = appendBytes(b, 3, []byte(c.Caller))
	b = appendBytes(b, 4, []byte(c.Organisation))
	for _, a := range c.Attributes {
		inner := appendBytes(nil, 1, []byte(a.Name))
		inner = appendBytes(inner, 2, []byte(a.Value))
		b = binary.AppendUvarint(append(b, 5<<3|2), uint64(len(inner)))
		b = append(b, inner...)
	}
	b = appendBytes(b, 6, []byte(c.Via))
	b = appendBytes(b, 7, []byte(c.Self))
	if c.Height != 0 {
		b = binary.AppendUvarint(append(b, 8<<3), uint64(c.Height))
	}
	if c.Time != 0 {
		b = binary.AppendUvarint(append(b, 9<<3), uint64(c.Time)) // #nosec G115 -- int64 as protobuf writes it
	}
	b = appendBytes(b, 10, c.CommandID)
	return appendBytes(b, 11, []byte(c.Signer))
}

func appendBytes(b []byte, field byte, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	b = binary.AppendUvarint(append(b, field<<3|2), uint64(len(v)))
	return append(b, v...)
}
