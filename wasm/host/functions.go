package host

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// Statuses of put, del and emit.
const (
	statusOK       = 0
	statusReadOnly = 1
	statusTooLarge = 2
	statusLimit    = 3
	statusWider    = 4 // not everyone who could read it may see what the call has read
)

// declassified, added to the length of an audience, an output or a failure's
// message, says that it may be told although the call read what is more private.
const declassified = 1 << 31

// Statuses of invoke.
const (
	invokeOK      = 0
	invokeFailed  = 1
	invokeTrapped = 2
)

const (
	absent      = ^uint32(0) // -1
	tooMany     = ^uint32(2) // -3, of scan
	scanReverse = 1
)

// Instantiate registers both modules that contracts import from. Functions of
// module.Offers and those here are compared, so that none is missing.
func Instantiate(ctx context.Context, runtime wazero.Runtime) error {
	for _, name := range []string{module.ABI, module.WASI} {
		builder := runtime.NewHostModuleBuilder(name)
		for _, o := range module.Offers() {
			if o.Module != name {
				continue
			}
			builder.NewFunctionBuilder().
				WithGoModuleFunction(function(implementations[o.Name]), valueTypes(o.Params), valueTypes(o.Results)).
				Export(o.Name)
		}
		if _, err := builder.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

func valueTypes(in []module.ValueType) []api.ValueType {
	return append([]api.ValueType(nil), in...)
}

// function wraps an implementation: it finds the guest and takes the price of the
// crossing.
func function(f func(g *Guest, s []uint64)) api.GoModuleFunc {
	return func(ctx context.Context, _ api.Module, stack []uint64) {
		g := ctx.Value(guestKey{}).(*Guest)
		g.pay(module.GasHost)
		f(g, stack)
	}
}

// implementations by name. They read parameters from s and write the result to
// s[0].
var implementations = map[string]func(g *Guest, s []uint64){
	"call_read": (*Guest).callRead,
	"output":    (*Guest).setOutput,
	"fail":      (*Guest).fail,
	"get":       (*Guest).get,
	"fetch":     (*Guest).fetch,
	"put":       (*Guest).put,
	"del":       (*Guest).del,
	"scan":      (*Guest).scan,
	"next":      (*Guest).next,
	"emit":      (*Guest).emit,
	"invoke":    (*Guest).invoke,
	"crypto":    (*Guest).crypto,
	"log":       (*Guest).log,

	"args_get":            succeed,
	"args_sizes_get":      (*Guest).noStrings,
	"environ_get":         succeed,
	"environ_sizes_get":   (*Guest).noStrings,
	"clock_time_get":      (*Guest).clockTime,
	"clock_res_get":       (*Guest).clockResolution,
	"random_get":          (*Guest).randomGet,
	"sched_yield":         succeed,
	"proc_exit":           (*Guest).exit,
	"poll_oneoff":         (*Guest).poll,
	"fd_write":            (*Guest).fdWrite,
	"fd_read":             badDescriptor,
	"fd_close":            badDescriptor,
	"fd_seek":             badDescriptor,
	"fd_fdstat_get":       (*Guest).fdStat,
	"fd_fdstat_set_flags": badDescriptor,
	"fd_prestat_get":      badDescriptor,
	"fd_prestat_dir_name": badDescriptor,
	"fd_filestat_get":     badDescriptor,
	"path_open":           badDescriptor,
	"path_filestat_get":   badDescriptor,
}

// arg is an i32 parameter.
func arg(s []uint64, i int) uint32 { return uint32(s[i]) } // #nosec G115 -- the engine passes an i32

func (g *Guest) callRead(s []uint64) {
	s[0] = uint64(g.give(arg(s, 0), arg(s, 1), g.envelope))
}

func (g *Guest) setOutput(s []uint64) {
	ptr, n, open := arg(s, 0), arg(s, 1)&^declassified, arg(s, 1)&declassified != 0
	if n > OutputBytesMax {
		g.trap("an output of %d bytes, at most %d are allowed", n, OutputBytesMax)
	}
	if n > 0 && !open && g.public() {
		g.told = true // that sentence holds nothing of the contract's
		g.trap("an output is shown to every member, and this call has read private records; write them for an audience instead, or declassify the output")
	}
	g.pay(uint64(n) * module.GasHostByte)
	g.output = append([]byte(nil), g.bytes(ptr, n)...)
}

func (g *Guest) fail(s []uint64) {
	n := min(arg(s, 2)&^declassified, MessageBytesMax)
	g.told = arg(s, 2)&declassified != 0
	g.pay(uint64(n) * module.GasHostByte)
	g.message = cut(string(g.bytes(arg(s, 1), n)), MessageBytesMax)
	g.code = arg(s, 0)
	g.stop(endFail)
}

func (g *Guest) get(s []uint64) {
	g.states("get")
	n := arg(s, 1)
	g.pay(module.GasGet)
	if n == 0 || n > KeyBytesMax { // such a key cannot have been written
		s[0] = uint64(absent)
		return
	}
	g.pay(uint64(n) * module.GasHostByte)
	value, audience, found, err := g.state.Get(g.bytes(arg(s, 0), n))
	g.check(err)
	if !found {
		s[0] = uint64(absent)
		return
	}
	g.pay(uint64(len(value)) * module.GasReadByte)
	g.seen(audience)
	g.pending = value
	s[0] = uint64(g.give(arg(s, 2), arg(s, 3), value))
}

func (g *Guest) fetch(s []uint64) {
	s[0] = uint64(g.give(arg(s, 0), arg(s, 1), g.pending))
}

func (g *Guest) put(s []uint64) {
	g.states("put")
	keyLen, valueLen, audienceLen := arg(s, 1), arg(s, 3), arg(s, 5)&^declassified
	switch {
	case g.call.ReadOnly:
		s[0] = statusReadOnly
		return
	case keyLen == 0 || keyLen > KeyBytesMax || valueLen > ValueBytesMax || audienceLen > AudienceBytesMax:
		s[0] = statusTooLarge
		return
	case g.writes >= WritesMax:
		s[0] = statusLimit
		return
	}
	g.pay(module.GasPut + (uint64(keyLen)+uint64(valueLen)+uint64(audienceLen))*module.GasPutByte)
	audience, ok := g.audience(arg(s, 4), arg(s, 5))
	if !ok {
		s[0] = statusWider
		return
	}
	g.writes++
	s[0] = g.written(g.state.Put(g.bytes(arg(s, 0), keyLen), g.bytes(arg(s, 2), valueLen), audience))
}

// written turns what the state said into a status.
func (g *Guest) written(err error) uint64 {
	if errors.Is(err, ErrLimit) {
		return statusLimit
	}
	g.check(err)
	return statusOK
}

// audience reads an encoded audience and tells whether it may be told what the call
// has read. A malformed one traps, for nobody could say who may read the record.
func (g *Guest) audience(ptr, n uint32) (encoded []byte, ok bool) {
	b := g.bytes(ptr, n&^declassified)
	a, err := ledger.ParseAudience(b)
	if err != nil {
		g.trap("%v", err)
	}
	return b, n&declassified != 0 || g.mayTell(a)
}

func (g *Guest) del(s []uint64) {
	g.states("del")
	n := arg(s, 1)
	switch {
	case g.call.ReadOnly:
		s[0] = statusReadOnly
		return
	case n == 0 || n > KeyBytesMax:
		s[0] = statusTooLarge
		return
	case g.writes >= WritesMax:
		s[0] = statusLimit
		return
	}
	g.pay(module.GasDelete + uint64(n)*module.GasPutByte)
	g.writes++
	g.check(g.state.Delete(g.bytes(arg(s, 0), n)))
	s[0] = statusOK
}

func (g *Guest) scan(s []uint64) {
	g.states("scan")
	fromLen, toLen := arg(s, 1), arg(s, 3)
	g.pay(module.GasScan)
	if len(g.scans) >= ScansMax || fromLen > KeyBytesMax || toLen > KeyBytesMax {
		s[0] = uint64(tooMany)
		return
	}
	var from, to []byte
	if fromLen > 0 {
		from = append(from, g.bytes(arg(s, 0), fromLen)...)
	}
	if toLen > 0 {
		to = append(to, g.bytes(arg(s, 2), toLen)...)
	}
	iterator, err := g.state.Scan(from, to, arg(s, 4)&scanReverse != 0)
	g.check(err)
	g.scans = append(g.scans, &scan{iterator: iterator})
	s[0] = uint64(len(g.scans) - 1) // #nosec G115 -- at most ScansMax
}

// next packs entries into the guest's buffer: length and key, length and value.
func (g *Guest) next(s []uint64) {
	handle, ptr, room := arg(s, 0), arg(s, 1), arg(s, 2)
	if uint64(handle) >= uint64(len(g.scans)) {
		g.trap("next was given the scan %d, which is not open", handle)
	}
	sc := g.scans[handle]
	room = min(room, OutputBytesMax+KeyBytesMax+8)
	out := g.bytes(ptr, room)
	written := 0
	for {
		if !sc.held {
			key, value, audience, ok, err := sc.iterator.Next()
			g.check(err)
			if !ok {
				break
			}
			g.pay(module.GasScanEntry + uint64(len(value))*module.GasReadByte)
			g.seen(audience)
			sc.key, sc.value, sc.held = append(sc.key[:0], key...), append(sc.value[:0], value...), true
		}
		size := 8 + len(sc.key) + len(sc.value)
		if size > len(out)-written {
			if written == 0 {
				s[0] = uint64(uint32(-int32(size))) // #nosec G115 -- keys and values are bounded; a negative i32 is the protocol
				return
			}
			break
		}
		at := out[written:]
		binary.LittleEndian.PutUint32(at, uint32(len(sc.key))) // #nosec G115 -- bounded
		copy(at[4:], sc.key)
		binary.LittleEndian.PutUint32(at[4+len(sc.key):], uint32(len(sc.value))) // #nosec G115 -- bounded
		copy(at[8+len(sc.key):], sc.value)
		written += size
		sc.held = false
	}
	g.pay(uint64(written) * module.GasHostByte) // #nosec G115 -- not negative
	s[0] = uint64(written)                      // #nosec G115 -- not negative
}

func (g *Guest) emit(s []uint64) {
	g.states("emit")
	topicLen, dataLen, audienceLen := arg(s, 1), arg(s, 3), arg(s, 5)&^declassified
	switch {
	case g.call.ReadOnly:
		s[0] = statusReadOnly
		return
	case topicLen == 0 || topicLen > TopicBytesMax || dataLen > EventBytesMax || audienceLen > AudienceBytesMax:
		s[0] = statusTooLarge
		return
	case g.events >= EventsMax || g.emitted+int(topicLen)+int(dataLen) > EventBytesMax:
		s[0] = statusLimit
		return
	}
	size := int(topicLen) + int(dataLen)
	g.pay(module.GasEmit + (uint64(size)+uint64(audienceLen))*module.GasEmitByte) // #nosec G115 -- not negative
	topic := cut(string(g.bytes(arg(s, 0), topicLen)), TopicBytesMax)
	audience, ok := g.audience(arg(s, 4), arg(s, 5))
	if !ok {
		s[0] = statusWider
		return
	}
	g.events++
	g.emitted += size
	s[0] = g.written(g.state.Emit(topic, g.bytes(arg(s, 2), dataLen), audience))
}

func (g *Guest) log(s []uint64) {
	n := arg(s, 2)
	g.pay(uint64(n) * module.GasLogByte)
	g.logText(uint8(min(arg(s, 0), 255)), g.bytes(arg(s, 1), n)) // #nosec G115 -- bounded
}

// logText hands on what fits into the call's limit.
func (g *Guest) logText(level uint8, text []byte) {
	room := LogBytesMax - g.logged
	if room <= 0 || g.state == nil || len(text) == 0 {
		return
	}
	text = text[:min(len(text), room)]
	g.logged += len(text)
	g.state.Log(level, cut(string(text), LogBytesMax))
}
