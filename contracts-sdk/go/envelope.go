package concordat

// readCall reads the envelope of a call, which stands alone, field by field.
func readCall(b []byte, c *Context) error {
	var r Reader
	r.Read(b)
	if r.Key == 1<<3|wireBytes {
		c.method = r.Text()
	}
	if r.Key == 2<<3|wireBytes {
		c.args = r.Bytes()
	}
	if r.Key == 3<<3|wireBytes {
		c.Caller = Party(r.Text())
	}
	if r.Key == 4<<3|wireBytes {
		c.Organisation = r.Text()
	}
	for r.Key == 5<<3|wireBytes {
		var inner Reader
		var a Attribute
		inner.Read(r.Element())
		if inner.Key == 1<<3|wireBytes {
			a.Name = inner.Text()
		}
		if inner.Key == 2<<3|wireBytes {
			a.Value = inner.Text()
		}
		r.Within(&inner)
		c.Attributes = append(c.Attributes, a)
	}
	if r.Key == 6<<3|wireBytes {
		c.Via = r.Text()
	}
	if r.Key == 7<<3|wireBytes {
		c.Self = r.Text()
	}
	if r.Key == 8<<3|wireVarint {
		c.Height = r.Uint64()
	}
	if r.Key == 9<<3|wireVarint {
		c.Time = r.Int64()
	}
	if r.Key == 10<<3|wireBytes {
		c.CommandID = r.Bytes()
	}
	c.Signer = c.Caller // left out when it is the caller
	if r.Key == 11<<3|wireBytes {
		c.Signer = Party(r.Text())
	}
	if r.Whole() {
		return nil
	}
	*c = Context{} // something is wrong, and Decode says what
	return Decode(b, c)
}
