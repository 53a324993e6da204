package concordat

// Raw is a message as its bytes, for a contract that hands on what it does not know:
// the arguments of another contract's method, or what that returns.
type Raw []byte

// Fields implements Message. A Raw is a whole message, never a field of one.
func (r *Raw) Fields(f *Fields) {
	switch {
	case f.mode == writing:
		f.b = append(f.b, *r...)
	case f.mode == reading && f.tag != 0: // the first tag was read
		*r = append(appendVarint(nil, uint64(f.tag)<<3|uint64(f.wire)), f.b...)
		f.b, f.tag = nil, 0
	case f.mode == reading:
		*r = nil
	}
}
