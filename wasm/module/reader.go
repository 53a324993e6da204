package module

import "unicode/utf8"

// reader takes bytes from the front. Its first failure sticks: later reads give
// zero, and fail is looked at where a decision hangs on what was read.
type reader struct {
	b    []byte
	pos  int
	fail *Refusal
}

func (r *reader) bad(format string, args ...any) {
	if r.fail == nil {
		r.fail = refuse(RuleFormat, format, args...)
	}
	r.pos = len(r.b)
}

func (r *reader) done() bool { return r.pos >= len(r.b) }

func (r *reader) byte() byte {
	if r.done() {
		r.bad("the bytes end in the middle of a field")
		return 0
	}
	v := r.b[r.pos]
	r.pos++
	return v
}

func (r *reader) bytes(n uint32) []byte {
	if int64(n) > int64(len(r.b)-r.pos) {
		r.bad("a field claims %d bytes where %d are left", n, len(r.b)-r.pos)
		return nil
	}
	v := r.b[r.pos : r.pos+int(n) : r.pos+int(n)]
	r.pos += int(n)
	return v
}

// unsigned32 reads an unsigned LEB128 of at most five bytes.
func (r *reader) unsigned32() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v > 1<<32-1 {
				r.bad("an integer has more than 32 bits")
			}
			return uint32(v) // #nosec G115 -- checked above
		}
	}
	r.bad("an integer has more than five bytes")
	return 0
}

// signed reads a signed LEB128 of at most bits bits.
func (r *reader) signed(bits int) int64 {
	var v int64
	for shift := 0; shift < bits; shift += 7 {
		b := r.byte()
		v |= int64(b&0x7f) << shift
		if b < 0x80 {
			if shift+7 < 64 && b&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
	r.bad("an integer has too many bytes")
	return 0
}

func (r *reader) name() string {
	n := r.unsigned32()
	if n > NameBytesMax {
		r.bad("a name has %d bytes, at most %d are allowed", n, NameBytesMax)
		return ""
	}
	b := r.bytes(n)
	if !utf8.Valid(b) {
		r.bad("a name is not UTF-8")
		return ""
	}
	return string(b)
}

// count reads the length of a list whose entries have one byte or more.
func (r *reader) count(what string, most int) int {
	n := r.unsigned32()
	if r.fail != nil {
		return 0
	}
	if int64(n) > int64(most) {
		r.fail = refuse(RuleLimit, "it has %d %s, at most %d are allowed", n, what, most)
		r.pos = len(r.b)
		return 0
	}
	if int(n) > len(r.b)-r.pos {
		r.bad("a list of %d %s does not fit into its section", n, what)
		return 0
	}
	return int(n)
}

func (r *reader) refuse(rule Rule, format string, args ...any) {
	if r.fail == nil {
		r.fail = refuse(rule, format, args...)
	}
	r.pos = len(r.b)
}
