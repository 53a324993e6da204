//go:build wasip1

package concordat

import "unsafe"

//go:wasmimport concordat_1 call_read
func importCallRead(buf unsafe.Pointer, room uint32) uint32

//go:wasmimport concordat_1 output
func importOutput(ptr unsafe.Pointer, n uint32)

//go:wasmimport concordat_1 fail
func importFail(code uint32, ptr unsafe.Pointer, n uint32)

//go:wasmimport concordat_1 get
func importGet(key unsafe.Pointer, n uint32, buf unsafe.Pointer, room uint32) int32

//go:wasmimport concordat_1 fetch
func importFetch(buf unsafe.Pointer, room uint32) uint32

//go:wasmimport concordat_1 put
func importPut(key unsafe.Pointer, keyLen uint32, value unsafe.Pointer, valueLen uint32, audience unsafe.Pointer, audienceLen uint32) int32

//go:wasmimport concordat_1 del
func importDel(key unsafe.Pointer, n uint32) int32

//go:wasmimport concordat_1 scan
func importScan(from unsafe.Pointer, fromLen uint32, to unsafe.Pointer, toLen uint32, flags uint32) int32

//go:wasmimport concordat_1 next
func importNext(handle int32, buf unsafe.Pointer, room uint32) int32

//go:wasmimport concordat_1 emit
func importEmit(topic unsafe.Pointer, topicLen uint32, data unsafe.Pointer, dataLen uint32, audience unsafe.Pointer, audienceLen uint32) int32

//go:wasmimport concordat_1 invoke
func importInvoke(contract unsafe.Pointer, contractLen uint32, envelope unsafe.Pointer, envelopeLen uint32, gas int64) int32

//go:wasmimport concordat_1 crypto
func importCrypto(op uint32, in unsafe.Pointer, n uint32, buf unsafe.Pointer, room uint32) uint32

//go:wasmimport concordat_1 log
func importLog(level uint32, ptr unsafe.Pointer, n uint32)

func at(b []byte) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.SliceData(b)), uint32(len(b))
}

func text(s string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(s)), uint32(len(s))
}

// hostGet's value is good until the next call of it, of spare, or of another function
// that asks the host for something.
func hostGet(key []byte) ([]byte, bool) {
	k, n := at(key)
	to, room := atSpare()
	size := importGet(k, n, to, room)
	if size < 0 {
		return nil, false
	}
	return answered(uint32(size)), true
}

// hostPut's flags are added to the length of the audience.
func hostPut(key, value, audience []byte, flags uint32) int32 {
	k, kn := at(key)
	v, vn := at(value)
	a, an := at(audience)
	return importPut(k, kn, v, vn, a, an|flags)
}

func hostDelete(key []byte) int32 { return importDel(at(key)) }

func hostScan(from, to []byte, flags uint32) int32 {
	f, fn := at(from)
	t, tn := at(to)
	return importScan(f, fn, t, tn, flags)
}

func hostNext(handle int32, buf []byte) int32 {
	b, n := at(buf)
	return importNext(handle, b, n)
}

func hostEmit(topic string, data, audience []byte, flags uint32) int32 {
	t, tn := text(topic)
	d, dn := at(data)
	a, an := at(audience)
	return importEmit(t, tn, d, dn, a, an|flags)
}

func hostInvoke(contract string, envelope []byte, gas int64) (int32, []byte) {
	c, cn := text(contract)
	e, en := at(envelope)
	status := importInvoke(c, cn, e, en, gas)
	to, room := atSpare()
	return status, keep(answered(importFetch(to, room)))
}

// hostCrypto's answer is nil when what was to be verified does not hold.
func hostCrypto(op uint32, in []byte) []byte {
	i, n := at(in)
	to, room := atSpare()
	size := importCrypto(op, i, n, to, room)
	if size == 0 || int32(size) < 0 {
		return nil
	}
	return answered(size)
}

func hostLog(level uint32, s string) {
	p, n := text(s)
	importLog(level, p, n)
}

//go:wasmexport call
func call() int32 {
	hot.rest = hot.bytes[:0]
	to, room := atSpare()
	n := importCallRead(to, room)
	b := spare()
	if n <= room {
		b = keep(b[:n])
	} else {
		b = make([]byte, n)
		importCallRead(at(b))
	}
	c := &hot.call
	err := readCall(b, c)
	var out []byte
	if err == nil {
		out, err = Dispatch(c, c.method, c.args)
	}
	if err != nil {
		p, n := text(err.Error())
		importFail(code(err), p, n|c.open) // does not return
	}
	p, n := at(out)
	importOutput(p, n|c.open)
	return 0
}

// warm runs before the snapshot from which every call starts. What is done once is
// done then: a call that would be the first to allocate an object of some size
// pays for a new span of the heap, some ten times the price of the object.
//
//go:wasmexport warm
func warm() {
	for i := range methods {
		methods[i].warm()
	}
	c := Context{method: "warm", args: []byte{1}, Caller: "warm@warm", Organisation: "warm", Self: "warm", Height: 1, Time: 1, CommandID: []byte{1}, Signer: "warm@warm"}
	_ = Decode(Encode(&c), &c)
	for size := 1; size <= 2048; size += 8 {
		warmBytes = make([]byte, size)
		warmPointers = make([]*byte, (size+7)/8)
	}
	for size := 1; size <= 16; size++ { // small objects without pointers share blocks
		warmBytes = make([]byte, size)
	}
	warmBytes, warmPointers = nil, nil
}

var (
	warmBytes    []byte
	warmPointers []*byte
)

//go:wasmexport concordat_abi_1
func marker() {}
