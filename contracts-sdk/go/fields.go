package concordat

import (
	"unicode/utf8"
	"unsafe"
)

// Message is a structure with a canonical byte form. Its Fields method, which
// `concordat contract build` writes, names each field once, in ascending order of
// tags, and serves reading and writing alike:
//
//	func (m *TransferIn) Fields(f *concordat.Fields) {
//		f.Party(1, &m.To)
//		f.Amount(2, &m.Amount)
//		f.Bytes(3, &m.Memo)
//	}
//
// The form is a subset of protobuf: fields in ascending order, each at most once but
// for those of lists, zero values left out, varints in their shortest form, nothing
// unknown.
type Message interface{ Fields(f *Fields) }

// Nothing is the message without fields.
type Nothing struct{}

// Fields implements Message.
func (*Nothing) Fields(*Fields) {}

type mode uint8

const (
	reading mode = iota
	writing
	sampling // fills each field with something, to warm up
)

// Fields is handed to a Message's Fields method.
type Fields struct {
	mode  mode
	b     []byte // rest to read, or written so far
	bad   string // what is wrong with what was read
	tag   uint32 // of the next field, 0: not read yet
	wire  byte
	r     Reader // for the code of one message
	plain bool   // that code found something wrong
}

const (
	wireVarint = 0
	wireBytes  = 2
)

// pool keeps Fields for nested messages: they are handed to a method of the
// contract's own, so each would be an object of the heap. A contract runs on one
// thread.
var (
	pool     [4]Fields
	poolUsed int
)

func borrow(m mode, b []byte) *Fields {
	if poolUsed == len(pool) {
		return &Fields{mode: m, b: b}
	}
	f := &pool[poolUsed]
	poolUsed++
	*f = Fields{mode: m, b: b}
	return f
}

// done gives the newest borrowed Fields back and returns its bytes.
func (f *Fields) done() []byte {
	b := f.b
	if poolUsed > 0 && f == &pool[poolUsed-1] {
		poolUsed--
	}
	return b
}

// Encode is a message's byte form.
func Encode(m Message) []byte { return AppendMessage(make([]byte, 0, 64), m) }

// AppendMessage appends a message's byte form to b.
func AppendMessage(b []byte, m Message) []byte {
	f := borrow(writing, b)
	m.Fields(f)
	return f.done()
}

// Decode reads a message and refuses any other form of it. What is read points
// into b, which must not change afterwards. The error is a sentence.
func Decode(b []byte, m Message) error {
	f := borrow(reading, b)
	f.next()
	m.Fields(f)
	bad := f.bad
	if bad == "" && f.tag != 0 {
		bad = "a field is unknown or out of order"
	}
	f.done()
	if bad != "" {
		return &Error{Code: CodeBadArguments, Message: bad}
	}
	return nil
}

func (f *Fields) fail(why string) {
	if f.bad == "" {
		f.bad = why
	}
	f.b, f.tag = nil, 0
}

func (f *Fields) varint() uint64 {
	var v uint64
	for i := range f.b {
		c := f.b[i]
		if i == 9 && c > 1 || i > 9 {
			break
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if c == 0 && i > 0 {
				break
			}
			f.b = f.b[i+1:]
			return v
		}
	}
	f.fail("a number is cut off or not in its shortest form")
	return 0
}

// next reads the tag of the next field.
func (f *Fields) next() {
	last := f.tag
	f.tag = 0
	if len(f.b) == 0 {
		return
	}
	v := f.varint()
	if f.bad == "" && (v>>3 <= uint64(last) || v>>3 > 1<<29) {
		f.fail("a field is unknown or out of order")
		return
	}
	f.tag, f.wire = uint32(v>>3), byte(v&7)
}

// here tells whether the next field is the given one.
func (f *Fields) here(tag uint32, wire byte) bool {
	if f.tag != tag {
		return false
	}
	if f.wire != wire {
		f.fail("a field has another type")
		return false
	}
	return true
}

// Uint64 is a field of a number without sign.
func (f *Fields) Uint64(tag uint32, v *uint64) {
	switch f.mode {
	case writing:
		if *v != 0 {
			f.b = appendVarint(appendVarint(f.b, uint64(tag)<<3|wireVarint), *v)
		}
	case sampling:
		*v = 300
	default:
		*v = 0
		if f.here(tag, wireVarint) {
			if *v = f.varint(); *v == 0 {
				f.fail("a field holds its default, which is left out")
			}
			f.next()
		}
	}
}

// Int64 is a field of a number with sign.
func (f *Fields) Int64(tag uint32, v *int64) {
	u := uint64(*v)
	f.Uint64(tag, &u)
	*v = int64(u)
}

// Uint32 is a field of a number of 32 bits without sign.
func (f *Fields) Uint32(tag uint32, v *uint32) {
	u := uint64(*v)
	f.Uint64(tag, &u)
	if *v = uint32(u); uint64(*v) != u {
		f.fail("a number has more than 32 bits")
	}
}

// Int32 is a field of a number of 32 bits with sign.
func (f *Fields) Int32(tag uint32, v *int32) {
	i := int64(*v)
	f.Int64(tag, &i)
	if *v = int32(i); int64(*v) != i {
		f.fail("a number has more than 32 bits")
	}
}

// Bool is a field that is true or false.
func (f *Fields) Bool(tag uint32, v *bool) {
	var u uint64
	if *v {
		u = 1
	}
	f.Uint64(tag, &u)
	if f.mode == reading && u > 1 {
		f.fail("a field is neither true nor false")
	}
	*v = u != 0
}

// Bytes is a field of bytes.
func (f *Fields) Bytes(tag uint32, v *[]byte) {
	switch f.mode {
	case writing:
		if len(*v) > 0 {
			f.b = appendVarint(appendVarint(f.b, uint64(tag)<<3|wireBytes), uint64(len(*v)))
			f.b = append(f.b, *v...)
		}
	case sampling:
		*v = []byte{1, 2, 3}
	default:
		*v = nil
		if f.here(tag, wireBytes) {
			n := f.varint()
			if n == 0 || n > uint64(len(f.b)) {
				f.fail("a field is cut off, or holds its default, which is left out")
				return
			}
			*v, f.b = f.b[:n:n], f.b[n:]
			f.next()
		}
	}
}

// element reads one value of a field that may stand several times; unlike a single
// one, it may be empty.
func (f *Fields) element() []byte {
	n := f.varint()
	if f.bad != "" || n > uint64(len(f.b)) {
		f.fail("a field is cut off, or holds its default, which is left out")
		return nil
	}
	var one []byte
	one, f.b = f.b[:n:n], f.b[n:]
	f.tag-- // the same tag may follow
	f.next()
	return one
}

// String is a field of text.
func (f *Fields) String(tag uint32, v *string) {
	b := unsafe.Slice(unsafe.StringData(*v), len(*v))
	f.Bytes(tag, &b)
	if f.mode == reading && !utf8.Valid(b) {
		f.fail("a text is not UTF-8")
		b = nil
	}
	*v = unsafe.String(unsafe.SliceData(b), len(b))
}

// Party is a field that names a party.
func (f *Fields) Party(tag uint32, v *Party) { f.String(tag, (*string)(v)) }

// Amount is a field of an amount.
func (f *Fields) Amount(tag uint32, v *Amount) {
	var room [16]byte
	b := v.AppendValue(room[:0])
	f.Bytes(tag, &b)
	if !v.ParseValue(b) {
		f.fail("an amount is longer than 16 bytes or not in its shortest form")
	}
}

func appendVarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}
