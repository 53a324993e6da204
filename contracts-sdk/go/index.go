package concordat

// Index finds ids by a property of what they name. The contract keeps it: it adds an
// id when it writes a record, and removes it when it deletes the record or changes
// the property.
type Index struct{ Name string }

var present = []byte{1}

// Add enters an id under a value.
func (x Index) Add(c *Context, value, id string) { c.Put(Key(x.Name, value, id), present) }

// AddFor enters an id for an audience only.
func (x Index) AddFor(c *Context, audience Audience, value, id string) {
	c.PutFor(audience, Key(x.Name, value, id), present)
}

// Remove takes an id out; it is no error when it was not there.
func (x Index) Remove(c *Context, value, id string) { c.Delete(Key(x.Name, value, id)) }

// Has tells whether an id stands under a value.
func (x Index) Has(c *Context, value, id string) bool {
	_, ok := c.Get(Key(x.Name, value, id))
	return ok
}

// Scan visits the ids under a value, in order, until visit returns false.
func (x Index) Scan(c *Context, value string, visit func(id string) bool) {
	from := Key(x.Name, value)
	c.Scan(from, after(from), func(key, _ []byte) bool { return visit(partsOf(key)[2]) })
}

// ScanAfter is Scan from behind an id on, for the next page. The id need not be there.
func (x Index) ScanAfter(c *Context, value, last string, visit func(id string) bool) {
	from := append(Key(x.Name, value, last), 0)
	c.Scan(from, after(Key(x.Name, value)), func(key, _ []byte) bool { return visit(partsOf(key)[2]) })
}
