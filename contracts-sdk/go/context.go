package concordat

import "slices"

// Context is one call.
type Context struct {
	// Caller is the party that signed the transaction, or a contract that calls another:
	// then it is its ContractParty. Rights go by it: whoever may do something is who
	// calls, whether a person or a contract.
	Caller       Party
	Organisation string // the caller's, empty for a contract
	Attributes   []Attribute
	Via          string // the contract that calls, empty for a transaction
	Self         string // the name under which this contract is deployed
	Height       uint64 // of the block
	Time         int64  // of the block, Unix nanoseconds
	CommandID    []byte
	// Signer is the party that signed the transaction, whoever calls. It belongs into
	// records of who acted, and never decides what may be done: a contract that somebody
	// calls for one thing could do another in their name.
	Signer Party

	method string
	args   []byte
	open   uint32 // flag of how the call ends
}

// Attribute is a property of the caller that its organisation vouches for.
type Attribute struct{ Name, Value string }

// Fields implements Message.
func (a *Attribute) Fields(f *Fields) {
	f.String(1, &a.Name)
	f.String(2, &a.Value)
}

// Fields implements Message: the envelope of a call.
func (c *Context) Fields(f *Fields) {
	f.String(1, &c.method)
	f.Bytes(2, &c.args)
	f.Party(3, &c.Caller)
	f.String(4, &c.Organisation)
	for f.mode == reading && f.here(5, wireBytes) {
		var a Attribute
		if Decode(f.element(), &a) != nil {
			f.fail("an attribute cannot be read")
		}
		c.Attributes = append(c.Attributes, a)
	}
	f.String(6, &c.Via)
	f.String(7, &c.Self)
	f.Uint64(8, &c.Height)
	f.Int64(9, &c.Time)
	f.Bytes(10, &c.CommandID)
	if f.mode == reading && f.tag == 0 { // the signer is left out when it is the caller
		c.Signer = c.Caller
		return
	}
	f.Party(11, &c.Signer)
}

// Limits of the ledger, in bytes.
const (
	KeyBytesMax   = 256
	ValueBytesMax = 60 << 10
)

// Get reads a record; false when there is none.
func (*Context) Get(key []byte) ([]byte, bool) {
	shared, ok := hostGet(key)
	if !ok {
		return nil, false
	}
	return keep(shared), true
}

// Put writes a record that every member may read. A contract that writes more
// than the ledger's limits, in a query, or for more readers than may see what the
// call has read, is ended.
func (*Context) Put(key, value []byte) { must(hostPut(key, value, nil, 0), "put") }

// PutFor writes a record for an audience only.
func (*Context) PutFor(audience Audience, key, value []byte) {
	must(hostPut(key, value, audience.encode(), 0), "put")
}

// PutDeclassified writes a record for an audience, empty being every member, although
// the call may have read what not all of them may see. The contract vouches that the
// record does not give it away.
func (*Context) PutDeclassified(audience Audience, key, value []byte) {
	must(hostPut(key, value, audience.encode(), declassified), "put")
}

// Delete removes a record; it is no error when there is none.
func (*Context) Delete(key []byte) { must(hostDelete(key), "delete") }

// Scan calls visit for the records with from ≤ key < to, in order, until it
// returns false. A nil to is no bound. The slices are valid during the call.
func (*Context) Scan(from, to []byte, visit func(key, value []byte) bool) {
	scan(from, to, 0, visit)
}

// ScanReverse is Scan from the end.
func (*Context) ScanReverse(from, to []byte, visit func(key, value []byte) bool) {
	scan(from, to, 1, visit)
}

func scan(from, to []byte, flags uint32, visit func(key, value []byte) bool) {
	handle := hostScan(from, to, flags)
	if handle < 0 {
		panic("too many scans are open")
	}
	buf := make([]byte, 4096)
	for {
		n := hostNext(handle, buf)
		if n == 0 {
			return
		}
		if n < 0 {
			buf = make([]byte, -n)
			continue
		}
		for rest := buf[:n]; len(rest) > 0; {
			var key, value []byte
			key, rest = piece(rest)
			value, rest = piece(rest)
			if !visit(key, value) {
				return
			}
		}
	}
}

func piece(b []byte) (first, rest []byte) {
	n := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
	return b[4 : 4+n], b[4+n:]
}

// Emit tells the world that something happened.
func (c *Context) Emit(topic string, data Message) { c.EmitFor(nil, topic, data) }

// EmitFor tells an audience.
func (*Context) EmitFor(audience Audience, topic string, data Message) {
	emit(audience, topic, data, 0)
}

// EmitDeclassified tells an audience, empty being every member, although the call may
// have read what not all of them may see.
func (*Context) EmitDeclassified(audience Audience, topic string, data Message) {
	emit(audience, topic, data, declassified)
}

func emit(audience Audience, topic string, data Message, flags uint32) {
	must(hostEmit(topic, AppendMessage(spare(), data), audience.encode(), flags), "emit")
}

// declassified is added to the length of what more may read than may see what the
// call has read.
const declassified = 1 << 31

// DeclassifyResult lets every member see what this call returns, or why it fails,
// although it has read private records. Without it such an output is refused, and the
// message of a failure is withheld.
func (c *Context) DeclassifyResult() { c.open = declassified }

// Log writes to the replica's log, for finding errors. It is no part of a result.
func (*Context) Log(text string) { hostLog(0, text) }

// Call calls a method of another contract and reads what it returns into out. Of
// a call that fails nothing remains, and the caller may go on. The error is an *Error
// with the called contract's code, or with CodeTrapped.
func (c *Context) Call(contract, name string, in, out Message) error {
	return c.CallWithGas(contract, name, 1<<62, in, out)
}

// CallWithGas is Call with a limit of gas for the called contract, which never gets
// more than the caller has.
func (*Context) CallWithGas(contract, name string, gas int64, in, out Message) error {
	var envelope Fields
	envelope.mode = writing
	args := Encode(in)
	envelope.String(1, &name)
	envelope.Bytes(2, &args)
	status, result := hostInvoke(contract, envelope.b, gas)
	if status == 0 {
		return Decode(result, out)
	}
	if len(result) < 4 {
		return &Error{CodeOther, "the called contract did not answer"}
	}
	n := uint32(result[0]) | uint32(result[1])<<8 | uint32(result[2])<<16 | uint32(result[3])<<24
	if status == 2 {
		n = CodeTrapped
	}
	return &Error{n, string(result[4:])}
}

// Audience says who may read a record: parties, contracts, and "org:NAME" for all of
// an organisation, in any order. Empty is every member.
type Audience []Party

// encode puts the entries in order, each once, as the ledger takes them: which names a
// contract is given must not decide whether it works.
func (a Audience) encode() []byte {
	if len(a) == 0 {
		return nil
	}
	for i := 1; i < len(a); i++ {
		if a[i-1] >= a[i] {
			a = slices.Clone(a)
			slices.Sort(a)
			a = slices.Compact(a)
			break
		}
	}
	b := []byte{byte(len(a)), byte(len(a) >> 8)}
	for _, p := range a {
		b = append(b, byte(len(p)), byte(len(p)>>8))
		b = append(b, p...)
	}
	return b
}

func must(status int32, what string) {
	switch status {
	case 0:
		return
	case 1:
		panic(what + " is refused in a query")
	case 2:
		panic(what + ": a key, value, topic or audience is empty or too large")
	case 4:
		panic(what + ": not everyone in the audience may read what this call has read; write for fewer, or declassify")
	}
	panic(what + ": the limit of a transaction is reached")
}
