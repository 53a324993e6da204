package concordat

// Single is one value of the state, under its name. A value that is not there reads
// as zero.
type Single[V any, PV value[V]] struct{ Name string }

func (s Single[V, PV]) asMap() Map[V, PV] { return Map[V, PV](s) }

// Get reads the value.
func (s Single[V, PV]) Get(c *Context) V { return s.asMap().Get(c) }

// Find reads the value; false when there is none.
func (s Single[V, PV]) Find(c *Context) (V, bool) { return s.asMap().Find(c) }

// Put writes the value; one whose bytes are empty is deleted.
func (s Single[V, PV]) Put(c *Context, v V) { s.asMap().Put(c, v) }

// PutFor writes the value for an audience only.
func (s Single[V, PV]) PutFor(c *Context, audience Audience, v V) { s.asMap().PutFor(c, audience, v) }

// PutDeclassified is PutFor as Context.PutDeclassified is.
func (s Single[V, PV]) PutDeclassified(c *Context, audience Audience, v V) {
	s.asMap().PutDeclassified(c, audience, v)
}

// Delete removes the value.
func (s Single[V, PV]) Delete(c *Context) { s.asMap().Delete(c) }
