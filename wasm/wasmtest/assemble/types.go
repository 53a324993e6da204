package assemble

// Type is the index of a function type, for blocks and indirect calls.
func (b *Builder) Type(params, results []byte) uint32 { return b.typeIndex(params, results) }

// CallIndirect is call_indirect through the one table.
func CallIndirect(typeIndex uint32) []byte { return Cat([]byte{0x11}, u(uint64(typeIndex)), []byte{0}) }

// BlockOf opens a block, loop or if (its opcode is op) whose type has an index.
func BlockOf(op byte, typeIndex uint32) []byte { return Cat([]byte{op}, signed(int64(typeIndex))) }

// ElementsAt is an element section with one active list of functions.
func ElementsAt(offset int32, functions ...uint32) []byte {
	list := Cat([]byte{1, 0}, I32Const(offset), []byte{0x0b}, u(uint64(len(functions))))
	for _, f := range functions {
		list = append(list, u(uint64(f))...)
	}
	return list
}
