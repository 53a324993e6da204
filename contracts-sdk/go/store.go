package concordat

import "unsafe"

// Key joins parts so that different parts never give the same key: each follows
// its length. All keys of one first part stand together, for scans.
func Key(parts ...string) []byte {
	n := 0
	for _, p := range parts {
		n += 1 + len(p)
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		b = appendPart(b, p)
	}
	return b
}

func appendPart(b []byte, p string) []byte {
	if len(p) > 255 {
		panic("a part of a key is longer than 255 bytes")
	}
	return append(append(b, byte(len(p))), p...)
}

// value is satisfied by a pointer to T that reads and writes itself; what it reads
// must not point into the given bytes.
type value[T any] interface {
	*T
	AppendValue(b []byte) []byte
	ParseValue(b []byte) bool
}

// Map is a part of the state whose values are of one type, under keys that begin
// with its name. A value that is not there reads as zero.
//
//	var balances = concordat.Map[concordat.Amount, *concordat.Amount]{Name: "balance"}
type Map[V any, PV value[V]] struct{ Name string }

func (m Map[V, PV]) key(parts []string) []byte { return shortKey(m.Name, parts) }

// shortKey joins a name and parts. The key is good until the next one is made.
func shortKey(name string, parts []string) []byte {
	b := appendPart(roomForKey(), name)
	for _, p := range parts {
		b = appendPart(b, p)
	}
	return b
}

// Get reads the value at a key.
func (m Map[V, PV]) Get(c *Context, key ...string) V {
	v, _ := m.Find(c, key...)
	return v
}

// Find reads the value at a key; false when there is none.
func (m Map[V, PV]) Find(_ *Context, key ...string) (v V, ok bool) {
	if isAmount[V]() {
		a, ok := findAmount(m.Name, key)
		return *(*V)(unsafe.Pointer(&a)), ok
	}
	raw, ok := hostGet(m.key(key))
	if ok {
		v = parse[V, PV](m.Name, raw)
	}
	return v, ok
}

func parse[V any, PV value[V]](name string, raw []byte) (v V) {
	if !PV(&v).ParseValue(raw) {
		unreadable(name)
	}
	return v
}

func unreadable(name string) { panic("the state at " + name + " cannot be read") }

// isAmount tells whether values are amounts. Those are read and written by code of
// their own: what a type parameter's methods are called on is always an object of the
// heap.
func isAmount[V any]() bool {
	_, ok := any((*V)(nil)).(*Amount)
	return ok
}

func findAmount(name string, key []string) (a Amount, ok bool) {
	raw, ok := hostGet(shortKey(name, key))
	if ok && !a.ParseValue(raw) {
		unreadable(name)
	}
	return a, ok
}

// Put writes the value at a key; one whose bytes are empty, as an amount of zero,
// is deleted.
func (m Map[V, PV]) Put(c *Context, v V, key ...string) {
	write[V, PV](c, m.key(key), v, nil, 0)
}

// PutFor writes a value for an audience only.
func (m Map[V, PV]) PutFor(c *Context, audience Audience, v V, key ...string) {
	write[V, PV](c, m.key(key), v, audience, 0)
}

// PutDeclassified is PutFor as Context.PutDeclassified is.
func (m Map[V, PV]) PutDeclassified(c *Context, audience Audience, v V, key ...string) {
	write[V, PV](c, m.key(key), v, audience, declassified)
}

// Delete removes the value at a key; it is no error when there is none.
func (m Map[V, PV]) Delete(c *Context, key ...string) { c.Delete(m.key(key)) }

// Scan visits the values whose keys begin with the given parts, in order, until visit
// returns false.
func (m Map[V, PV]) Scan(c *Context, visit func(key []string, v V) bool, prefix ...string) {
	from := append([]byte(nil), m.key(prefix)...)
	m.scan(c, from, after(from), visit)
}

// ScanAfter is Scan from behind a whole key on, for the next page.
func (m Map[V, PV]) ScanAfter(c *Context, last []string, visit func(key []string, v V) bool, prefix ...string) {
	to := after(append([]byte(nil), m.key(prefix)...))
	m.scan(c, append(append([]byte(nil), m.key(last)...), 0), to, visit)
}

func (m Map[V, PV]) scan(c *Context, from, to []byte, visit func(key []string, v V) bool) {
	c.Scan(from, to, func(key, raw []byte) bool {
		return visit(partsOf(key)[1:], parse[V, PV](m.Name, raw))
	})
}

func write[V any, PV value[V]](c *Context, key []byte, v V, audience Audience, flags uint32) {
	if isAmount[V]() {
		writeRaw(c, key, (*Amount)(unsafe.Pointer(&v)).AppendValue(spare()), audience, flags)
		return
	}
	writeRaw(c, key, appendAny[V, PV](spare(), v), audience, flags)
}

func appendAny[V any, PV value[V]](b []byte, v V) []byte { return PV(&v).AppendValue(b) }

func writeRaw(c *Context, key, raw []byte, audience Audience, flags uint32) {
	if len(raw) == 0 {
		c.Delete(key)
		return
	}
	must(hostPut(key, raw, audience.encode(), flags), "put")
}

// partsOf takes a key apart that Key joined.
func partsOf(key []byte) []string {
	var parts []string
	for len(key) > 0 {
		n := int(key[0])
		parts = append(parts, string(key[1:1+n]))
		key = key[1+n:]
	}
	return parts
}

// after is the first key behind all that begin with b; nil when there is none.
func after(b []byte) []byte {
	b = append([]byte(nil), b...)
	for len(b) > 0 {
		if b[len(b)-1]++; b[len(b)-1] != 0 {
			return b
		}
		b = b[:len(b)-1]
	}
	return nil
}

// Number is n as a part of a key: keys are in the order of their numbers.
func Number(n uint64) string {
	var b [8]byte
	for i := range b {
		b[i] = byte(n >> (56 - 8*i))
	}
	return string(b[:])
}

// ParseNumber reads what Number made of one.
func ParseNumber(part string) (n uint64, ok bool) {
	for i := range len(part) {
		n = n<<8 | uint64(part[i])
	}
	return n, len(part) == 8
}

// Stored lets a message be the value of a Map, a Single or a History:
//
//	type storedOrder = concordat.Stored[order, *order]
//	var orders = concordat.Map[storedOrder, *storedOrder]{Name: "order"}
type Stored[M any, PM message[M]] struct{ Message M }

// AppendValue implements the values of collections. One byte stands in front, so that
// a message without a field set is there too.
func (s *Stored[M, PM]) AppendValue(b []byte) []byte {
	return AppendMessage(append(b, 0), PM(&s.Message))
}

// ParseValue implements the values of collections.
func (s *Stored[M, PM]) ParseValue(b []byte) bool {
	return len(b) > 0 && b[0] == 0 && Decode(keep(b)[1:], PM(&s.Message)) == nil
}

// Load reads a message from the state; false when there is none.
func Load(c *Context, key []byte, m Message) bool {
	raw, ok := c.Get(key)
	if ok && Decode(raw, m) != nil {
		panic("a record cannot be read")
	}
	return ok
}

// Save writes a message to the state.
func Save(c *Context, key []byte, m Message) { c.Put(key, Encode(m)) }
