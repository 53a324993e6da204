package concordat

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

// keyRoom and valueRoom hold a key and a value on their way to the host, which
// copies them.
var (
	keyRoom   = make([]byte, 0, 512)
	valueRoom = make([]byte, 0, 512)
)

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

func (m Map[V, PV]) key(parts []string) []byte {
	keyRoom = appendPart(keyRoom[:0], m.Name)
	for _, p := range parts {
		keyRoom = appendPart(keyRoom, p)
	}
	return keyRoom
}

// Get reads the value at a key.
func (m Map[V, PV]) Get(_ *Context, key ...string) V {
	var v V
	if raw, ok := hostGet(m.key(key)); ok && !PV(&v).ParseValue(raw) {
		panic("the state at " + m.Name + " cannot be read")
	}
	return v
}

// Put writes the value at a key; one whose bytes are empty, as an amount of zero,
// is deleted.
func (m Map[V, PV]) Put(c *Context, v V, key ...string) {
	valueRoom = PV(&v).AppendValue(valueRoom[:0])
	if len(valueRoom) == 0 {
		c.Delete(m.key(key))
		return
	}
	c.Put(m.key(key), valueRoom)
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
