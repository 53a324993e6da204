package assemble

import "github.com/concordat-ledger/concordat/wasm/module"

// Hostile is a contract whose methods misbehave, each after it wrote a record:
// "loop" runs for ever, "alloc" takes memory for ever, "recurse" calls itself for
// ever, "trap" traps, "fail" returns error 42, "write" writes without end. Any
// other method succeeds and leaves the record.
func Hostile() []byte {
	b := New()
	put, read, fail := b.ABI("put"), b.ABI("call_read"), b.ABI("fail")
	b.Data = DataAt(0, []byte("record\x00\x00it refuses"))
	write := Cat(I32Const(0), I32Const(6), I32Const(0), I32Const(6), I32Const(0), I32Const(0), CallFunc(put), Op(0x1a))
	self := uint32(len(b.imports)) // #nosec G115 -- a few
	recurse := b.Func(nil, nil, nil, CallFunc(self))
	forever := func(body ...[]byte) []byte { return Cat(Op(0x03, 0x40), Cat(body...), Op(0x0c, 0x00, 0x0b)) }
	// The method's first letter is byte 2 of the envelope.
	on := func(letter byte, body ...[]byte) []byte {
		return Cat(I32Const(102), Memory(0x2d, 0, 0), I32Const(int32(letter)), Op(0x46, 0x04, 0x40), Cat(body...), Op(0x0b))
	}
	big := Cat(I32Const(0), I32Const(6), I32Const(0), I32Const(60<<10), I32Const(0), I32Const(0), CallFunc(put), Op(0x1a))
	call := b.Func(nil, []byte{module.I32}, nil,
		I32Const(100), I32Const(200), CallFunc(read), Op(0x1a), write,
		on('l', forever()),
		on('a', forever(I32Const(1), Op(0x40, 0x00, 0x1a))),
		on('r', CallFunc(recurse)),
		on('t', Op(0x00)),
		on('f', I32Const(42), I32Const(8), I32Const(10), CallFunc(fail)),
		on('w', forever(big)),
		I32Const(0))
	b.Export(module.ExportCall, 0, call)
	return b.Bytes()
}
