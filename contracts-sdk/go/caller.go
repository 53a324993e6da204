package concordat

// Attribute is the value of the caller's attribute of that name, which its
// organisation vouches for.
func (c *Context) Attribute(name string) (string, bool) {
	for i := range c.Attributes {
		if c.Attributes[i].Name == name {
			return c.Attributes[i].Value, true
		}
	}
	return "", false
}

// RequireAttribute is an error unless the caller has the attribute with that value.
func (c *Context) RequireAttribute(name, value string) error {
	if have, ok := c.Attribute(name); ok && have == value {
		return nil
	}
	return Fail(CodeForbidden, "this needs a caller whose attribute "+name+" is "+value)
}

// RequireParty is an error unless one of the parties calls.
func (c *Context) RequireParty(parties ...Party) error {
	for _, p := range parties {
		if p == c.Caller {
			return nil
		}
	}
	return Fail(CodeForbidden, string(c.Caller)+" may not do this")
}

// RequireOrganisation is an error unless the caller belongs to it. Contracts belong to
// none, and nobody belongs to one without a name.
func (c *Context) RequireOrganisation(name string) error {
	if name != "" && c.Organisation == name {
		return nil
	}
	return Fail(CodeForbidden, "only parties of organisation "+name+" may do this")
}
