package history

import (
	"encoding/binary"

	"github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// Where the contract keeps things in its memory.
const (
	atOld      = 0
	atSum      = 8
	atEnvelope = 100
	atMethod   = atEnvelope + 2 // behind tag and length
	atKey      = atMethod + 3   // behind the method's one letter, tag and length
	atOperand  = atKey + 8
	room       = 4096 // for the envelope
)

// Contract is a module with one register for each key. Its methods are the kinds.
func Contract() []byte {
	a := assemble.New()
	read, get, put, output := a.ABI("call_read"), a.ABI("get"), a.ABI("put"), a.ABI("output")
	num := assemble.I32Const
	load := func(at int32) []byte { return assemble.Cat(num(at), assemble.Memory(0x29, 0, 0)) }
	drop := assemble.Op(0x1a)
	write := func(value int32) []byte {
		return assemble.Cat(num(atKey), num(8), num(value), num(8), num(0), num(0), assemble.CallFunc(put), drop)
	}
	give := func(value int32) []byte { return assemble.Cat(num(value), num(8), assemble.CallFunc(output)) }
	on := func(kind Kind, body ...[]byte) []byte {
		return assemble.Cat(num(atMethod), assemble.Memory(0x2d, 0, 0), num(int32(kind)), assemble.Op(0x46, 0x04, 0x40), assemble.Cat(body...), assemble.Op(0x0b))
	}
	return a.Call(nil,
		num(atOld), assemble.I64Const(0), assemble.Memory(0x37, 0, 0),
		num(atEnvelope), num(room), assemble.CallFunc(read), drop,
		num(atKey), num(8), num(atOld), num(8), assemble.CallFunc(get), drop,
		on(Swap, write(atOperand), give(atOld)),
		on(Add, num(atSum), load(atOld), load(atOperand), assemble.Op(0x7c), assemble.Memory(0x37, 0, 0), write(atSum), give(atSum)),
		on(Read, give(atOld)),
		num(0)).Bytes()
}

// arguments are the key and the operand, both of fixed length.
func arguments(key, operand uint64) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, key), operand)
}
