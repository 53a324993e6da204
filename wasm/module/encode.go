package module

func appendUnsigned(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendSigned(b []byte, v int64) []byte {
	for {
		low := byte(v & 0x7f)
		v >>= 7
		if v == 0 && low&0x40 == 0 || v == -1 && low&0x40 != 0 {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

func appendName(b []byte, name string) []byte {
	return append(appendUnsigned(b, uint64(len(name))), name...)
}

func appendSection(b []byte, id byte, content []byte) []byte {
	b = append(b, id)
	b = appendUnsigned(b, uint64(len(content)))
	return append(b, content...)
}

func appendType(b []byte, t funcType) []byte {
	b = append(b, 0x60)
	b = append(appendUnsigned(b, uint64(len(t.params))), t.params...)
	return append(appendUnsigned(b, uint64(len(t.results))), t.results...)
}
