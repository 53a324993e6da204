package concordat

import "unsafe"

// This file is for the code that `concordat contract build` writes: it writes messages
// of single fields without asking each for its type, and so that none of them need be an
// object of the heap. key is a field's tag times eight, and its type.

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
	b = append(appendKey(b, key), 0)
	length := len(b)
	b = v.AppendValue(b)
	b[length-1] = byte(len(b) - length) // at most 16
	return b
}

// AppendHash appends a field of a hash.
func AppendHash(b []byte, key uint32, v *[32]byte) []byte {
	if *v == [32]byte{} {
		return b
	}
	return append(append(appendKey(b, key), byte(len(v))), v[:]...)
}
