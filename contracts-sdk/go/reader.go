package concordat

import (
	"math"
	"unicode/utf8"
	"unsafe"
)

// Reader reads messages for the code that `concordat contract build` writes. It only
// knows what is right: when it is not Whole in the end, Decode reads the same bytes
// and says what is wrong with them. What is read points into the bytes.
type Reader struct {
	// Key is that of the next field: its tag times eight, and its type. It is 0 at the
	// end, and 1, which is no field's, once something was wrong.
	Key uint32
	at  int
	b   []byte
}

const readerFailed = 1

// Read begins to read a message.
func (r *Reader) Read(b []byte) {
	r.b = b
	r.next()
}

// Whole tells whether all bytes were read and nothing was wrong.
func (r *Reader) Whole() bool { return r.Key == 0 }

func (r *Reader) fail() { r.Key, r.at, r.b = readerFailed, 0, nil }

// next reads the key of the next field, whose tag must be above the last one's.
func (r *Reader) next() {
	if r.at >= len(r.b) {
		if r.Key != readerFailed {
			r.Key = 0
		}
		return
	}
	last := r.Key >> 3
	key := uint64(r.b[r.at])
	r.at++
	if key >= 0x80 {
		r.at--
		key = r.varint()
	}
	if key>>3 <= uint64(last) || key > math.MaxUint32 {
		r.fail()
		return
	}
	r.Key = uint32(key)
}

// varint is 0 for what is no number in its shortest form.
func (r *Reader) varint() uint64 {
	b := r.b[r.at:]
	if len(b) > 0 && b[0] < 0x80 {
		r.at++
		return uint64(b[0])
	}
	f := Fields{b: b}
	v := f.varint()
	if f.bad != "" {
		r.fail()
		return 0
	}
	r.at = len(r.b) - len(f.b)
	return v
}

// Uint64 reads the field that is next.
func (r *Reader) Uint64() uint64 {
	v := r.varint()
	if v == 0 {
		r.fail()
	}
	r.next()
	return v
}

// Int64 reads the field that is next.
func (r *Reader) Int64() int64 { return int64(r.Uint64()) }

// Uint32 reads the field that is next.
func (r *Reader) Uint32() uint32 {
	v := r.Uint64()
	if v>>32 != 0 {
		r.fail()
	}
	return uint32(v)
}

// Int32 reads the field that is next.
func (r *Reader) Int32() int32 {
	v := r.Int64()
	if int64(int32(v)) != v {
		r.fail()
	}
	return int32(v)
}

// Bool reads the field that is next.
func (r *Reader) Bool() bool {
	if r.Uint64() != 1 {
		r.fail()
	}
	return true
}

// Bytes reads the field that is next. A short one and the key behind it are read here,
// without a call of another function: that is most of what a message is.
func (r *Reader) Bytes() []byte {
	b, at := r.b, r.at
	if at >= len(b) {
		r.fail()
		return nil
	}
	n := int(b[at])
	at++
	if n == 0 || n >= 0x80 || n > len(b)-at {
		return r.long()
	}
	end := at + n
	r.at = end
	if end < len(b) && b[end] < 0x80 && uint32(b[end]>>3) > r.Key>>3 {
		r.Key, r.at = uint32(b[end]), end+1
	} else {
		r.next()
	}
	return b[at:end:end]
}

func (r *Reader) long() []byte {
	n := r.varint()
	at := r.at
	if n == 0 || n > uint64(len(r.b)-at) {
		r.fail()
		return nil
	}
	r.at = at + int(n)
	b := r.b[at:r.at:r.at]
	r.next()
	return b
}

// Text reads the field that is next.
func (r *Reader) Text() string { return r.text(r.Bytes()) }

func (r *Reader) text(b []byte) string {
	p, n := unsafe.Pointer(unsafe.SliceData(b)), len(b)
	if !isText(p, n) && !utf8.Valid(b) {
		r.fail()
		return ""
	}
	return unsafe.String((*byte)(p), n)
}

// isText tells whether n bytes are ASCII. They are looked at eight at a time, the last
// ones twice if need be.
func isText(p unsafe.Pointer, n int) bool {
	const high = 0x8080_8080_8080_8080
	if n < 8 {
		for ; n > 0; n-- {
			if *(*byte)(p) >= 0x80 {
				return false
			}
			p = unsafe.Add(p, 1)
		}
		return true
	}
	all := *(*uint64)(unsafe.Add(p, n-8))
	for ; n > 8; n -= 8 {
		all |= *(*uint64)(p)
		p = unsafe.Add(p, 8)
	}
	return all&high == 0
}

// Amount reads the field that is next.
func (r *Reader) Amount() (a Amount) {
	if !a.ParseValue(r.Bytes()) {
		r.fail()
	}
	return a
}

// Hash reads the field that is next.
func (r *Reader) Hash() (h [32]byte) {
	b := r.Bytes()
	if copy(h[:], b) != len(h) || len(b) != len(h) || h == [32]byte{} {
		r.fail()
	}
	return h
}

// Element reads one value of a list. Unlike a single field it may be empty, and the
// same key may follow.
func (r *Reader) Element() []byte {
	n, at := r.varint(), r.at
	if n > uint64(len(r.b)-at) || r.Key == readerFailed {
		r.fail()
		return nil
	}
	r.at = at + int(n)
	b := r.b[at:r.at:r.at]
	r.Key -= 8
	r.next()
	return b
}

// TextElement reads one text of a list.
func (r *Reader) TextElement() string { return r.text(r.Element()) }

// AmountElement reads one amount of a list.
func (r *Reader) AmountElement() (a Amount) {
	if !a.ParseValue(r.Element()) {
		r.fail()
	}
	return a
}

// HashElement reads one hash of a list.
func (r *Reader) HashElement() (h [32]byte) {
	b := r.Element()
	if copy(h[:], b) != len(h) || len(b) != len(h) {
		r.fail()
	}
	return h
}

// Within says that inner has read a message inside of this one.
func (r *Reader) Within(inner *Reader) {
	if !inner.Whole() {
		r.fail()
	}
}

// list begins to read numbers that stand one after another.
func (r *Reader) list() Fields { return Fields{b: r.Bytes()} }

// ReadNumbers reads a list of numbers, of the type of the list that is given.
func ReadNumbers[T ~uint64 | ~int64 | ~uint32 | ~int32](r *Reader, _ []T) (out []T) {
	for f := r.list(); len(f.b) > 0; {
		u := f.varint()
		if f.bad != "" || uint64(T(u)) != u {
			r.fail()
			return nil
		}
		out = append(out, T(u))
	}
	return out
}

// ReadBools reads a list of values that are true or false.
func ReadBools(r *Reader) (out []bool) {
	for f := r.list(); len(f.b) > 0; {
		u := f.varint()
		if f.bad != "" || u > 1 {
			r.fail()
			return nil
		}
		out = append(out, u == 1)
	}
	return out
}

// Longer appends a zero value to a list, to be read into.
func Longer[T any](list []T) []T {
	var zero T
	return append(list, zero)
}

// Reading is the reader of what is left; nil unless the message is read by code of its
// own.
func (f *Fields) Reading() *Reader {
	if f.mode != reading || f.plain || f.bad != "" || f.tag > math.MaxUint32>>3 {
		return nil
	}
	f.r = Reader{b: f.b}
	if f.tag != 0 {
		f.r.Key = f.tag<<3 | uint32(f.wire)
	}
	return &f.r
}

// WasRead says that Reading has read all there was. When something was wrong with it
// the fields are read one by one, with those of messages inside, to say what.
func (f *Fields) WasRead() bool {
	if !f.r.Whole() {
		f.plain = true
		return false
	}
	f.b, f.tag = nil, 0
	return true
}

// Writing tells whether the message is written.
func (f *Fields) Writing() bool { return f.mode == writing }

// Written is what was written so far.
func (f *Fields) Written() *[]byte { return &f.b }
