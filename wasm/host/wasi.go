package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/concordat-ledger/concordat/wasm/module"
)

// Errors of WASI preview 1.
const (
	errnoOK    = 0
	errnoBadF  = 8
	errnoInval = 28
)

const (
	clockRealtime = 0
	clockStep     = 1_000 // nanoseconds that pass between two looks at the clock
)

func succeed(_ *Guest, s []uint64) { s[0] = errnoOK }

func badDescriptor(_ *Guest, s []uint64) { s[0] = errnoBadF }

func (g *Guest) put32(ptr, v uint32) { binary.LittleEndian.PutUint32(g.bytes(ptr, 4), v) }

func (g *Guest) put64(ptr uint32, v uint64) { binary.LittleEndian.PutUint64(g.bytes(ptr, 8), v) }

// noStrings answers that there are no arguments and no environment.
func (g *Guest) noStrings(s []uint64) {
	g.put32(arg(s, 0), 0)
	g.put32(arg(s, 1), 0)
	s[0] = errnoOK
}

// clockTime: the wall clock is the block's time, the monotonic one counts looks.
func (g *Guest) clockTime(s []uint64) {
	ptr := arg(s, 2)
	if arg(s, 0) == clockRealtime {
		g.put64(ptr, uint64(g.call.Time)) // #nosec G115 -- as WASI writes it
	} else {
		g.clock += clockStep
		g.put64(ptr, g.clock)
	}
	s[0] = errnoOK
}

func (g *Guest) clockResolution(s []uint64) {
	g.put64(arg(s, 1), clockStep)
	s[0] = errnoOK
}

func (g *Guest) randomGet(s []uint64) {
	ptr, n := arg(s, 0), arg(s, 1)
	g.pay(uint64(n) * module.GasRandomByte)
	g.random.read(g.call, g.bytes(ptr, n))
	s[0] = errnoOK
}

// exit ends the call, not the instance. What was written to the standard error
// before, a Go panic above all, says why.
func (g *Guest) exit(s []uint64) {
	text := string(bytes.TrimSpace(g.stderr))
	if text == "" {
		text = "without a word"
	}
	g.trap("the contract ended itself with code %d: %s", arg(s, 0), text)
}

// Layout of poll_oneoff's subscriptions and events.
const (
	subscriptionBytes = 48
	eventBytes        = 32
	pollMax           = 64
)

// poll answers at once that every clock subscription is due: the counter goes on
// by what was asked for, so that sleeping ends. Anything else is refused, and the
// Go runtime reports the deadlock.
func (g *Guest) poll(s []uint64) {
	in, out, n, count := arg(s, 0), arg(s, 1), arg(s, 2), arg(s, 3)
	if n == 0 || n > pollMax {
		s[0] = errnoInval
		return
	}
	subscriptions := g.bytes(in, n*subscriptionBytes)
	events := g.bytes(out, n*eventBytes)
	written := uint32(0)
	for i := range n {
		sub := subscriptions[i*subscriptionBytes:][:subscriptionBytes]
		if sub[8] != 0 { // not a clock
			continue
		}
		timeout := binary.LittleEndian.Uint64(sub[24:])
		if flags := binary.LittleEndian.Uint16(sub[40:]); flags&1 != 0 { // absolute
			g.clock = max(g.clock, timeout)
		} else {
			g.clock += min(timeout, 1<<62)
		}
		event := events[written*eventBytes:][:eventBytes]
		clear(event)
		copy(event, sub[:8]) // user data
		written++
	}
	if written == 0 {
		g.trap("the contract waits for what cannot come")
	}
	g.put32(count, written)
	s[0] = errnoOK
}

const (
	stdout = 1
	stderr = 2
)

// fdWrite takes what goes to the standard output and error as log text.
func (g *Guest) fdWrite(s []uint64) {
	fd, vectors, n, written := arg(s, 0), arg(s, 1), arg(s, 2), arg(s, 3)
	if fd != stdout && fd != stderr {
		s[0] = errnoBadF
		return
	}
	if n > pollMax {
		s[0] = errnoInval
		return
	}
	total := uint32(0)
	for i := range n {
		g.pay(module.GasVector)
		vector := g.bytes(vectors+8*i, 8)
		ptr, size := binary.LittleEndian.Uint32(vector), binary.LittleEndian.Uint32(vector[4:])
		g.pay(uint64(size) * module.GasLogByte)
		text := g.bytes(ptr, size)
		g.logText(0, text)
		if room := MessageBytesMax - len(g.stderr); fd == stderr && room > 0 {
			g.stderr = append(g.stderr, text[:min(len(text), room)]...)
		}
		total += size
	}
	g.put32(written, total)
	s[0] = errnoOK
}

// fdStat answers for the standard streams that they are character devices.
func (g *Guest) fdStat(s []uint64) {
	if arg(s, 0) > stderr {
		s[0] = errnoBadF
		return
	}
	stat := g.bytes(arg(s, 1), 24)
	clear(stat)
	stat[0] = 2 // character device
	s[0] = errnoOK
}

// randomSource gives bytes that depend on the transaction, the contract and how
// many were asked for before: SHA-256 in counter mode. They are known to all and
// must not be used where secrecy is needed.
type randomSource struct {
	key    [sha256.Size]byte
	block  [sha256.Size]byte
	used   int
	count  uint64
	seeded bool
}

func (r *randomSource) seed(c *Call) {
	*r = randomSource{used: sha256.Size, seeded: true}
	b := append([]byte("concordat random 1\x00"), c.TxID[:]...)
	b = append(b, byte(len(c.Self)))
	b = append(append(b, c.Self...), c.Via...)
	r.key = sha256.Sum256(b)
}

func (r *randomSource) read(c *Call, p []byte) {
	if !r.seeded {
		r.seed(c)
	}
	for len(p) > 0 {
		if r.used == len(r.block) {
			b := binary.BigEndian.AppendUint64(r.key[:len(r.key):len(r.key)], r.count)
			r.block = sha256.Sum256(b)
			r.count++
			r.used = 0
		}
		n := copy(p, r.block[r.used:])
		p = p[n:]
		r.used += n
	}
}
