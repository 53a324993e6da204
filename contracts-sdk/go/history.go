package concordat

// History keeps every value that was appended under a key, in order, numbered from 0.
// The ledger remembers old state too, but each replica for as long as its operator
// wants, so what a contract decides by must be records of its own.
//
// How many values there are under a key is a record for every member, also when the
// values are for an audience.
type History[V any, PV value[V]] struct{ Name string }

// key begins with the number of parts, so that the values of one key never stand
// among those of another.
func (h History[V, PV]) key(key []string, last string) []byte {
	b := appendPart(appendPart(nil, h.Name), string([]byte{byte(len(key))}))
	for _, p := range key {
		b = appendPart(b, p)
	}
	return appendPart(b, last)
}

// Count is how many values there are under a key.
func (h History[V, PV]) Count(_ *Context, key ...string) uint64 {
	raw, ok := hostGet(h.key(key, ""))
	n, whole := ParseNumber(string(raw))
	if ok && !whole {
		panic("the state at " + h.Name + " cannot be read")
	}
	return n
}

// Append adds a value under a key and returns its number.
func (h History[V, PV]) Append(c *Context, v V, key ...string) uint64 {
	return h.append(c, nil, 0, v, key)
}

// AppendFor adds a value for an audience only. That one was added is told to every
// member, whatever the call has read.
func (h History[V, PV]) AppendFor(c *Context, audience Audience, v V, key ...string) uint64 {
	return h.append(c, audience, declassified, v, key)
}

func (h History[V, PV]) append(c *Context, audience Audience, countFlags uint32, v V, key []string) uint64 {
	n := h.Count(c, key...)
	raw := PV(&v).AppendValue([]byte{0}) // one byte in front, so that an empty value is there too
	must(hostPut(h.key(key, Number(n)), raw, audience.encode(), 0), "put")
	must(hostPut(h.key(key, ""), []byte(Number(n+1)), nil, countFlags), "put")
	return n
}

// Find is the value of a number under a key; false when there is none.
func (h History[V, PV]) Find(c *Context, n uint64, key ...string) (v V, ok bool) {
	raw, ok := c.Get(h.key(key, Number(n)))
	if ok {
		v = h.parse(raw)
	}
	return v, ok
}

func (h History[V, PV]) parse(raw []byte) V {
	if len(raw) == 0 {
		panic("the state at " + h.Name + " cannot be read")
	}
	return parse[V, PV](h.Name, raw[1:])
}

// Scan visits the values with from ≤ number < to under a key, the oldest first, until
// visit returns false.
func (h History[V, PV]) Scan(c *Context, from, to uint64, visit func(n uint64, v V) bool, key ...string) {
	c.Scan(h.key(key, Number(from)), h.key(key, Number(to)), h.visitor(visit))
}

// ScanNewest is Scan with the newest first.
func (h History[V, PV]) ScanNewest(c *Context, from, to uint64, visit func(n uint64, v V) bool, key ...string) {
	c.ScanReverse(h.key(key, Number(from)), h.key(key, Number(to)), h.visitor(visit))
}

func (h History[V, PV]) visitor(visit func(n uint64, v V) bool) func(key, raw []byte) bool {
	return func(key, raw []byte) bool {
		n, _ := ParseNumber(string(key[len(key)-8:]))
		return visit(n, h.parse(raw))
	}
}
