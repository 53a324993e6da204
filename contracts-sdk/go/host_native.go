//go:build !wasip1

package concordat

// Host is the ledger that a contract runs on when it is not built for one;
// package ledgertest provides it. Statuses are those of the interface; declassified
// says that more may read it than may read what the call has read.
type Host interface {
	Get(key []byte) ([]byte, bool)
	Put(key, value, audience []byte, declassified bool) int32
	Delete(key []byte) int32
	// Scan returns nil when too many scans are open.
	Scan(from, to []byte, reverse bool) (next func() (key, value []byte, ok bool))
	Emit(topic string, data, audience []byte, declassified bool) int32
	Log(text string)
	// Crypto is an operation of the interface; nil says that it does not hold.
	Crypto(op uint32, in []byte) []byte
	Invoke(contract string, method string, args []byte, gas int64) (output []byte, err error)
}

var native Host

// Use makes calls run on h. It is for test kits.
func Use(h Host) { native, scans = h, nil }

// Openly tells whether a call of Declassify came before; it is for test kits.
func (c *Context) Openly() bool { return c.open != 0 }

// IsQuery tells whether a method was registered as one that changes nothing. It is
// for test kits.
func IsQuery(name string) bool {
	for i := range methods {
		if methods[i].name == name {
			return methods[i].query
		}
	}
	return false
}

func host() Host {
	if native == nil {
		panic("there is no ledger: call the contract through package ledgertest")
	}
	return native
}

func hostGet(key []byte) ([]byte, bool) { return host().Get(key) }
func hostPut(key, value, audience []byte, flags uint32) int32 {
	return host().Put(key, value, audience, flags != 0)
}
func hostDelete(key []byte) int32 { return host().Delete(key) }
func hostLog(_ uint32, s string)  { host().Log(s) }
func hostEmit(topic string, d, a []byte, flags uint32) int32 {
	return host().Emit(topic, d, a, flags != 0)
}
func hostCrypto(op uint32, in []byte) []byte { return host().Crypto(op, in) }

var scans []func() (key, value []byte, ok bool)

func hostScan(from, to []byte, flags uint32) int32 {
	next := host().Scan(from, to, flags&1 != 0)
	if next == nil {
		return -3
	}
	scans = append(scans, next)
	return int32(len(scans) - 1)
}

// hostNext hands over one entry at a time, so that scans are tested to go on.
func hostNext(handle int32, buf []byte) int32 {
	key, value, ok := scans[handle]()
	if !ok {
		return 0
	}
	size := 8 + len(key) + len(value)
	if size > len(buf) {
		rest := scans[handle]
		held := true
		scans[handle] = func() ([]byte, []byte, bool) {
			if held {
				held = false
				return key, value, true
			}
			return rest()
		}
		return -int32(size)
	}
	b := append(buf[:0], little(len(key))...)
	b = append(append(b, key...), little(len(value))...)
	copy(buf[len(b):], value)
	return int32(size)
}

func little(n int) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)} }

func hostInvoke(contract string, envelope []byte, gas int64) (int32, []byte) {
	var c Context
	if err := Decode(envelope, &c); err != nil {
		panic(err.Error())
	}
	out, err := host().Invoke(contract, c.method, c.args, gas)
	if err == nil {
		return 0, out
	}
	n := code(err)
	if n == CodeTrapped {
		return 2, append(little(0), err.Error()...)
	}
	return 1, append(little(int(n)), err.Error()...)
}

// Natively a contract calls others, and itself, in one memory, so each buffer is its own.
func spare() []byte        { return make([]byte, 0, 64) }
func roomForKey() []byte   { return make([]byte, 0, 64) }
func keep(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) }
