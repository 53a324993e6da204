package host

import (
	"encoding/binary"
	"errors"

	"github.com/concordat-ledger/concordat/wasm/module"
)

// invoke calls another contract, atomically: when it does not succeed, nothing of
// it remains, and the caller may go on. The result is fetched: the output, or the
// failure's code (four bytes, little-endian) and message.
func (g *Guest) invoke(s []uint64) {
	g.states("invoke")
	nameLen, n := arg(s, 1), arg(s, 3)
	g.pay(module.GasInvoke)
	if nameLen > module.NameBytesMax || n > ArgsBytesMax {
		g.trap("a call of another contract with %d bytes, at most %d are allowed", n, ArgsBytesMax)
	}
	g.pay(uint64(n) * module.GasHostByte)
	name := cut(string(g.bytes(arg(s, 0), nameLen)), module.NameBytesMax)
	method, args, err := parseInvocation(g.bytes(arg(s, 2), n))
	if err != nil {
		g.trap("a call of contract %s is malformed: %v", name, err)
	}
	allowed := min(g.remaining()-g.remaining()/64, s[4]) // the caller keeps something to go on with
	o := g.state.Invoke(name, method, args, allowed, g.readers)
	if o.Status == Halt {
		g.check(o.Err)
	}
	g.pay(o.GasUsed)
	g.narrow(o.Read)
	switch o.Status {
	case OK:
		g.pending = o.Output
		s[0] = invokeOK
	case Failed:
		g.pending = append(binary.LittleEndian.AppendUint32(nil, o.Code), o.Message...)
		s[0] = invokeFailed
	default:
		g.pending = append(binary.LittleEndian.AppendUint32(nil, 0), o.Message...)
		s[0] = invokeTrapped
	}
}

var errInvocation = errors.New("it is not method (1) and arguments (2)")

// parseInvocation reads the two fields, in order, each at most once.
func parseInvocation(b []byte) (method string, args []byte, err error) {
	last := byte(0)
	for len(b) > 0 {
		tag := b[0]
		if tag != 1<<3|2 && tag != 2<<3|2 || tag <= last {
			return "", nil, errInvocation
		}
		last = tag
		n, used := binary.Uvarint(b[1:])
		// #nosec G115 -- Uvarint used no more than there was
		if used <= 0 || n == 0 || n > uint64(len(b)-1-used) {
			return "", nil, errInvocation
		}
		field := b[1+used : 1+used+int(n)] // #nosec G115 -- checked above
		b = b[1+used+int(n):]              // #nosec G115 -- checked above
		if tag == 1<<3|2 {
			method = string(field)
		} else {
			args = append([]byte(nil), field...)
		}
	}
	return method, args, nil
}
