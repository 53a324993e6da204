package concordat

// Party is an identity that signs transactions, such as "alice@org0", or a contract
// that calls another, such as "contract:escrow". Both can hold and own.
type Party string

// ContractParty is the party as which the contract deployed under a name calls others.
func ContractParty(name string) Party { return Party("contract:" + name) }

// Error is what a method returns to refuse a call: a code of the contract's
// schema and a sentence.
type Error struct {
	Code    uint32
	Message string
}

// Error is the sentence.
func (e *Error) Error() string { return e.Message }

// Fail is an Error. Codes are the contract's own, from 1; those below are
// reserved.
func Fail(code uint32, message string) error { return &Error{code, message} }

// Reserved codes.
const (
	CodeUnknownMethod uint32 = 0xffff_ffff
	CodeBadArguments  uint32 = 0xffff_fffe
	CodeOther         uint32 = 0xffff_fffd // an error that is no *Error
	CodeTrapped       uint32 = 0xffff_fffc // the called contract trapped or ran out of gas
	CodeForbidden     uint32 = 0xffff_fffb // of RequireAttribute, RequireParty and RequireOrganisation
)

type method struct {
	name  string
	query bool
	run   func(c *Context, args []byte) ([]byte, error)
	// direct does the same by code for this method alone. It is false when it cannot
	// read the arguments; run says then why.
	direct func(c *Context, args []byte) (out []byte, done bool, err error)
	warm   func()
}

// Direct is the method with code of its own, which `concordat contract build` writes.
func (m method) Direct(call func(c *Context, args []byte) (out []byte, done bool, err error)) method {
	m.direct = call
	return m
}

func (m *method) call(c *Context, args []byte) ([]byte, error) {
	if m.direct != nil {
		if out, done, err := m.direct(c, args); done {
			return out, err
		}
	}
	return m.run(c, args)
}

var methods []method

// Register makes methods callable. The names are those of the schema.
func Register(list ...method) { methods = append(methods, list...) }

// message is satisfied by a pointer to T that is a Message.
type message[T any] interface {
	*T
	Message
}

// Method is a method that may change the state.
func Method[I, O any, PI message[I], PO message[O]](name string, f func(*Context, PI) (PO, error)) method {
	return method{
		name: name,
		run: func(c *Context, args []byte) ([]byte, error) {
			in := PI(new(I))
			if err := Decode(args, in); err != nil {
				return nil, &Error{CodeBadArguments, name + ": " + err.Error()}
			}
			out, err := f(c, in)
			if err != nil || out == nil {
				return nil, err
			}
			return AppendMessage(spare(), out), nil
		},
		warm: func() {
			in, out := PI(new(I)), PO(new(O))
			sample := Fields{mode: sampling}
			in.Fields(&sample)
			out.Fields(&sample)
			_ = Decode(Encode(in), in)
			_ = Encode(out)
		},
	}
}

// Query is a method that changes nothing. It can be called without a transaction.
func Query[I, O any, PI message[I], PO message[O]](name string, f func(*Context, PI) (PO, error)) method {
	m := Method(name, f)
	m.query = true
	return m
}

// Dispatch runs a method by its name. The ledger calls it, and test kits.
func Dispatch(c *Context, name string, args []byte) ([]byte, error) {
	for i := range methods {
		if methods[i].name == name {
			return methods[i].call(c, args)
		}
	}
	text := "there is no method " + name + "; there are "
	for i := range methods {
		if i > 0 {
			text += ", "
		}
		text += methods[i].name
	}
	return nil, &Error{CodeUnknownMethod, text}
}

// code of an error as the ledger is told.
func code(err error) uint32 {
	if e, ok := err.(*Error); ok {
		return e.Code
	}
	return CodeOther
}
