package concordat

import "unsafe"

// This file is for the code that `concordat contract build` writes: it writes a message
// field by field, and so that the message need not be an object of the heap. key is a
// field's tag times eight, and its type.

// Room is where an output or an event is written: it is used up by the next call of a
// function of this package.
func Room() []byte { return spare() }

// EmitBytes emits the bytes of an event.
func EmitBytes(topic string, data []byte) { must(hostEmit(topic, data, nil, 0), "emit") }

func appendKey(b []byte, key uint32) []byte {
	if key < 0x80 {
		return append(b, byte(key))
	}
	return appendVarint(b, uint64(key))
}

// AppendUint64 appends a field of a number, also one with sign.
func AppendUint64(b []byte, key uint32, v uint64) []byte {
	if v == 0 {
		return b
	}
	return appendVarint(appendKey(b, key), v)
}

// AppendBool appends a field that is true or false.
func AppendBool(b []byte, key uint32, v bool) []byte {
	if !v {
		return b
	}
	return append(appendKey(b, key), 1)
}

// AppendText appends a field of text.
func AppendText(b []byte, key uint32, v string) []byte {
	n := len(v)
	if n == 0 {
		return b
	}
	if key < 0x80 && n < 0x80 {
		b = append(b, byte(key), byte(n))
	} else {
		b = appendVarint(appendKey(b, key), uint64(n))
	}
	return append(b, v...)
}

// AppendBytes appends a field of bytes.
func AppendBytes(b []byte, key uint32, v []byte) []byte {
	return AppendText(b, key, unsafe.String(unsafe.SliceData(v), len(v)))
}

// AppendAmount appends a field of an amount.
func AppendAmount(b []byte, key uint32, v *Amount) []byte {
	if v.IsZero() {
		return b
	}
	return AppendAmountElement(b, key, v)
}

// AppendHash appends a field of a hash.
func AppendHash(b []byte, key uint32, v *[32]byte) []byte {
	if *v == [32]byte{} {
		return b
	}
	return append(append(appendKey(b, key), byte(len(v))), v[:]...)
}

// Begin appends the beginning of a message inside of another.
func Begin(b []byte, key uint32) []byte { return append(appendKey(b, key), 0) }

// End writes the length of the message that was begun when b was start long. One with
// nothing in it is left out, but for those of lists.
func End(b []byte, start int, key uint32, keep bool) []byte {
	head := 1 // most have a length of one byte
	for ; key > 0; key >>= 7 {
		head++
	}
	at := start + head
	n := len(b) - at
	if n == 0 && !keep {
		return b[:start]
	}
	if n < 0x80 {
		b[at-1] = byte(n)
		return b
	}
	var room [10]byte
	length := appendVarint(room[:0], uint64(n))
	b = append(b, length[1:]...)
	copy(b[at-1+len(length):], b[at:at+n])
	copy(b[at-1:], length)
	return b
}

// AppendElement appends one value of a list.
func AppendElement[T ~string | ~[]byte](b []byte, key uint32, v T) []byte {
	return append(appendVarint(appendKey(b, key), uint64(len(v))), v...)
}

// AppendAmountElement appends one amount of a list.
func AppendAmountElement(b []byte, key uint32, v *Amount) []byte {
	b = append(appendKey(b, key), 0)
	length := len(b)
	b = v.AppendValue(b)
	b[length-1] = byte(len(b) - length) // at most 16
	return b
}

// AppendNumbers appends a list of numbers.
func AppendNumbers[T ~uint64 | ~int64 | ~uint32 | ~int32](b []byte, key uint32, v []T) []byte {
	start := len(b)
	b = Begin(b, key)
	for _, one := range v {
		b = appendVarint(b, uint64(one))
	}
	return End(b, start, key, false)
}

// AppendBools appends a list of values that are true or false.
func AppendBools(b []byte, key uint32, v []bool) []byte {
	start := len(b)
	b = Begin(b, key)
	for _, one := range v {
		if one {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return End(b, start, key, false)
}
