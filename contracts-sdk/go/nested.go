package concordat

import (
	"unicode/utf8"
	"unsafe"
)

// Hash is a field of 32 bytes, such as a hash. One of zeros is left out.
func (f *Fields) Hash(tag uint32, v *[32]byte) {
	var b []byte
	if *v != ([32]byte{}) {
		b = v[:]
	}
	f.Bytes(tag, &b)
	switch {
	case f.mode == sampling:
		v[0] = 1
	case f.mode == reading:
		if n := copy(v[:], b); n == 0 {
			*v = [32]byte{}
		} else if len(b) != len(v) || *v == ([32]byte{}) {
			f.fail("a hash does not have 32 bytes, or is one of zeros, which is left out")
		}
	}
}

// Message is a field that holds a message; one without anything in it is left out.
func (f *Fields) Message(tag uint32, m Message) {
	switch f.mode {
	case writing:
		start := len(f.b)
		f.b = appendVarint(f.b, uint64(tag)<<3|wireBytes)
		if !f.write(m) {
			f.b = f.b[:start]
		}
	case sampling:
		m.Fields(f)
	default:
		var b []byte
		f.Bytes(tag, &b)
		f.read(b, m)
	}
}

// write appends a message behind its length; false when it has none.
func (f *Fields) write(m Message) bool {
	start := len(f.b)
	f.b = append(f.b, 0) // most have a length of one byte
	m.Fields(f)
	n := len(f.b) - start - 1
	if n < 0x80 {
		f.b[start] = byte(n)
		return n > 0
	}
	var room [10]byte
	length := appendVarint(room[:0], uint64(n))
	f.b = append(f.b, length[1:]...)
	copy(f.b[start+len(length):], f.b[start+1:start+1+n])
	copy(f.b[start:], length)
	return true
}

// read reads a message out of b, and goes on behind it.
func (f *Fields) read(b []byte, m Message) {
	if f.bad != "" {
		return
	}
	rest, tag, wire := f.b, f.tag, f.wire
	f.b, f.tag = b, 0
	f.next()
	m.Fields(f)
	if f.bad == "" && f.tag != 0 {
		f.fail("a field is unknown or out of order")
	}
	if f.bad == "" {
		f.b, f.tag, f.wire = rest, tag, wire
	}
}

// each is a field that stands once for every value. one reads a value of the given
// bytes, append writes one with its length.
func each[T any](f *Fields, tag uint32, v *[]T, read func(b []byte, one *T), write func(one *T)) {
	switch f.mode {
	case writing:
		for i := range *v {
			f.b = appendVarint(f.b, uint64(tag)<<3|wireBytes)
			write(&(*v)[i])
		}
	case sampling:
		*v = make([]T, 1)
	default:
		*v = nil
		for f.here(tag, wireBytes) {
			var one T
			b := f.element()
			if f.bad != "" {
				return
			}
			read(b, &one)
			*v = append(*v, one)
		}
	}
}

// Messages is a field of any number of messages.
func Messages[T any, PT message[T]](f *Fields, tag uint32, v *[]T) {
	each(f, tag, v, func(b []byte, one *T) { f.read(b, PT(one)) }, func(one *T) { f.write(PT(one)) })
	if f.mode == sampling && f.tag < 4 { // a message may hold messages of its own type
		f.tag++
		PT(&(*v)[0]).Fields(f)
		f.tag--
	}
}

// Texts is a field of any number of texts, such as strings and parties.
func Texts[T ~string](f *Fields, tag uint32, v *[]T) {
	each(f, tag, v, func(b []byte, one *T) {
		if !utf8.Valid(b) {
			f.fail("a text is not UTF-8")
			return
		}
		*one = T(unsafe.String(unsafe.SliceData(b), len(b))) // points into what is read, as all does
	}, func(one *T) {
		f.b = append(appendVarint(f.b, uint64(len(*one))), *one...)
	})
}

// BytesList is a field of any number of byte strings.
func (f *Fields) BytesList(tag uint32, v *[][]byte) {
	each(f, tag, v, func(b []byte, one *[]byte) { *one = b }, func(one *[]byte) {
		f.b = append(appendVarint(f.b, uint64(len(*one))), *one...)
	})
}

// Amounts is a field of any number of amounts.
func (f *Fields) Amounts(tag uint32, v *[]Amount) {
	each(f, tag, v, func(b []byte, one *Amount) {
		if !one.ParseValue(b) {
			f.fail("an amount is longer than 16 bytes or not in its shortest form")
		}
	}, func(one *Amount) {
		start := len(f.b)
		f.b = one.AppendValue(append(f.b, 0))
		f.b[start] = byte(len(f.b) - start - 1) // at most 16
	})
}

// Hashes is a field of any number of hashes.
func (f *Fields) Hashes(tag uint32, v *[][32]byte) {
	each(f, tag, v, func(b []byte, one *[32]byte) {
		if copy(one[:], b) != len(one) || len(b) != len(one) {
			f.fail("a hash does not have 32 bytes")
		}
	}, func(one *[32]byte) { f.b = append(append(f.b, byte(len(one))), one[:]...) })
}

// Numbers is a field of any number of numbers, which stand one after another.
func Numbers[T ~uint64 | ~int64 | ~uint32 | ~int32](f *Fields, tag uint32, v *[]T) {
	packed(f, tag, v, func(one T) uint64 { return uint64(one) }, func(u uint64) (T, bool) { return T(u), uint64(T(u)) == u })
}

// Bools is a field of any number of values that are true or false.
func (f *Fields) Bools(tag uint32, v *[]bool) {
	packed(f, tag, v, func(one bool) uint64 {
		if one {
			return 1
		}
		return 0
	}, func(u uint64) (bool, bool) { return u == 1, u <= 1 })
}

func packed[T any](f *Fields, tag uint32, v *[]T, number func(T) uint64, value func(uint64) (T, bool)) {
	if f.mode == sampling {
		*v = make([]T, 1)
		return
	}
	var b []byte
	if f.mode == writing {
		for _, one := range *v {
			b = appendVarint(b, number(one))
		}
		f.Bytes(tag, &b)
		return
	}
	f.Bytes(tag, &b)
	*v = nil
	inner := Fields{b: b}
	for len(inner.b) > 0 && inner.bad == "" {
		one, ok := value(inner.varint())
		if !ok {
			f.fail("a number of a list is out of its range")
		}
		*v = append(*v, one)
	}
	if inner.bad != "" {
		f.fail(inner.bad)
	}
}

// Raw is a message as its bytes, for a contract that hands on what it does not know:
// the arguments of another contract's method, or what that returns.
type Raw []byte

// Fields implements Message. A Raw is a whole message, never a field of one.
func (r *Raw) Fields(f *Fields) {
	switch {
	case f.mode == writing:
		f.b = append(f.b, *r...)
	case f.mode == reading && f.tag != 0: // the first tag was read
		*r = append(appendVarint(nil, uint64(f.tag)<<3|uint64(f.wire)), f.b...)
		f.b, f.tag = nil, 0
	case f.mode == reading:
		*r = nil
	}
}
