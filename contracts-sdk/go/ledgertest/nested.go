package ledgertest

import (
	"errors"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

// depthMax is how many contracts call each other at most, as on a real ledger. Those
// that Others stands for are counted when they call back.
const depthMax = 8

// Invoke implements concordat.Host. What Others stands for has read is told by ReadFor.
func (l *Ledger) Invoke(contract, method string, args []byte, _ int64) ([]byte, error) {
	if contract != l.Name {
		return l.other(contract, method, args)
	}
	out, err := l.again(from(*l.inside[len(l.inside)-1], l.Name), method, args)
	var trapped *Trapped
	if errors.As(err, &trapped) {
		return nil, concordat.Fail(concordat.CodeTrapped, trapped.Reason)
	}
	return out, err
}

// other is another contract, as Others has it.
func (l *Ledger) other(contract, method string, args []byte) ([]byte, error) {
	if l.Others == nil {
		return nil, concordat.Fail(0, "there is no contract \""+contract+"\"")
	}
	return l.Others(contract, method, args)
}

// again enters the contract while it is in a call, in the order in which a real ledger
// asks whether it may.
func (l *Ledger) again(context concordat.Context, method string, args []byte) ([]byte, error) {
	depth := 0
	for _, c := range l.inside {
		depth++
		if c.Via != "" && c.Via != l.Name {
			depth++ // the contract through which it came
		}
	}
	switch {
	case depth >= depthMax:
		return nil, concordat.Fail(0, "contracts call each other more than 8 deep")
	case method == methodInit:
		return nil, initOnce()
	case method == methodMigrate:
		return nil, concordat.Fail(concordat.CodeUnknownMethod, "migrate runs when a module replaces another")
	case !l.Reentrant:
		return nil, concordat.Fail(0, "contract "+l.Name+" is in a call already and cannot be entered again")
	case inEngine():
		broken(errors.New("it is in a call, and what Others stands for cannot enter the module; test this natively"))
	}
	outer := l.call
	l.call = usage{readOnly: outer.readOnly, public: outer.public, readers: outer.readers}
	out, err := l.enter(context, method, args)
	outer.readers = l.call.readers
	l.call = outer
	return out, err
}

func initOnce() error {
	return concordat.Fail(concordat.CodeUnknownMethod, "init runs once, at deployment")
}
