package ledger

import (
	"fmt"
	"regexp"
)

// Deployment is the argument of the built-in method that deploys a contract. Its
// wire form is the canonical protobuf subset of Transaction: name = 1, code = 2,
// init = 3, initialise = 4.
type Deployment struct {
	Name       string // how the contract is called: [a-z][a-z0-9-]{0,31}
	Code       []byte // the WebAssembly module
	Init       []byte // arguments of its method init
	Initialise bool   // call init, as the deployer, in the same transaction
}

var contractName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// ValidContractName tells whether a contract can be deployed under a name.
func ValidContractName(name string) bool { return contractName.MatchString(name) }

// Marshal is the canonical wire form.
func (d *Deployment) Marshal() []byte {
	b := make([]byte, 0, len(d.Code)+len(d.Init)+64)
	b = appendBytesField(b, 1, []byte(d.Name))
	b = appendBytesField(b, 2, d.Code)
	b = appendBytesField(b, 3, d.Init)
	if d.Initialise {
		b = appendVarintField(b, 4, 1)
	}
	return b
}

// ParseDeployment reads the canonical wire form and refuses everything else. The
// byte fields alias b.
func ParseDeployment(b []byte) (*Deployment, error) {
	var d Deployment
	r := fieldReader{buf: b}
	for r.next() {
		switch r.field {
		case 1:
			d.Name = string(r.bytes(NameBytesMax))
		case 2:
			d.Code = r.bytes(EnvelopeBytesMax)
		case 3:
			d.Init = r.bytes(EnvelopeBytesMax)
		case 4:
			if r.varint() != 1 {
				r.fail("field 4 is neither 1 nor left out")
			}
			d.Initialise = true
		default:
			r.unknown()
		}
	}
	switch {
	case r.err != nil:
		return nil, fmt.Errorf("read a deployment: %w", r.err)
	case !ValidContractName(d.Name):
		return nil, fmt.Errorf("read a deployment: %w: %q is no contract name; a-z, 0-9 and - are allowed, the first a letter, at most 32", ErrMalformed, d.Name)
	case len(d.Code) == 0:
		return nil, fmt.Errorf("read a deployment: %w: it holds no module", ErrMalformed)
	case len(d.Init) > 0 && !d.Initialise:
		return nil, fmt.Errorf("read a deployment: %w: arguments for init, which is not called", ErrMalformed)
	}
	return &d, nil
}
