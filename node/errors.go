package main

import (
	"cmp"
	"context"
	"errors"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/verify"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/node/audit"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// Exit codes; they are documented in the root command's help.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitRefused     = 3
	exitContract    = 4
	exitUnverified  = 5
	exitUnknown     = 6
	exitUnreachable = 7
	exitLedger      = 8
	exitUnreadable  = 9
)

// exitError carries an exit code of its own, and perhaps what to do next.
type exitError struct {
	code int
	err  error
	hint string
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// explain turns an error into a sentence, a next step and an exit code.
func explain(err error) (text, hint string, code int) {
	var refused *client.RefusedError
	switch {
	case errors.As(err, &refused):
		code = exitRefused
		if refused.Refusal == ledgerpb.Refusal_REFUSAL_UNAVAILABLE {
			hint = "look at `concordat status`"
		}
	case errors.Is(err, client.ErrUnknownOutcome):
		code, hint = exitUnknown, "run the same command again with the same --command-id"
	case chain.IsFault(err):
		code = exitLedger
	case errors.Is(err, audit.ErrUnreadable):
		code = exitUnreadable
	case errors.Is(err, audit.ErrReport), errors.Is(err, verify.ErrCertificate), errors.Is(err, verify.ErrResult), errors.Is(err, verify.ErrLedger), errors.Is(err, ledger.ErrLayout):
		code = exitUnverified
	case errors.Is(err, client.ErrUnreachable), errors.Is(err, context.DeadlineExceeded):
		code, hint = exitUnreachable, "is the network running? `concordat dev` starts one, --url names another"
	case errors.Is(err, schema.ErrArguments), errors.Is(err, schema.ErrUnknownMethod):
		code = exitUsage
	default:
		code = exitFailure
	}
	var known *exitError
	if errors.As(err, &known) {
		code, hint = known.code, cmp.Or(known.hint, hint)
	}
	return err.Error(), hint, code
}
