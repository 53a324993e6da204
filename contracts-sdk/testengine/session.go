package testengine

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
)

// depthMax is how many contracts call each other at most, as on a real ledger.
const depthMax = 8

// Methods that a ledger calls by itself, and the failure when somebody else does.
const (
	methodInit        = "init"
	methodMigrate     = "migrate"
	codeUnknownMethod = ^uint32(0)
)

// session is one call of the contract, which may call others and, when its module says
// that it is ready for it, itself.
type session struct {
	*state
	module *wasm.Module
	call   *wasm.Call
	depth  int
}

// run makes the call. What does not succeed changes nothing.
func (s *session) run(gas uint64) wasm.Outcome {
	values, changes, events := maps.Clone(s.values), len(s.changes), len(s.events)
	o := s.module.Call(s.call, s, gas)
	if o.Status != wasm.OK {
		s.values, s.changes, s.events = values, s.changes[:changes], s.events[:events]
	}
	return o
}

// Invoke implements wasm.State: the test kit plays the other contracts.
func (s *session) Invoke(contract, method string, args []byte, gas uint64, before wasm.Readers) wasm.Outcome {
	failed := func(code uint32, text string) wasm.Outcome {
		return wasm.Outcome{Status: wasm.Failed, Code: code, Message: text}
	}
	switch {
	case s.depth >= depthMax:
		return failed(0, fmt.Sprintf("contracts call each other more than %d deep", depthMax))
	case contract != s.call.Self:
		return s.ask(contract, method, args)
	case method == methodInit:
		return failed(codeUnknownMethod, "init runs once, at deployment")
	case method == methodMigrate:
		return failed(codeUnknownMethod, "migrate runs when a module replaces another")
	case !s.module.Info().Reentrant:
		return failed(0, fmt.Sprintf("contract %s is in a call already and cannot be entered again", contract))
	}
	call := s.call.From(contract)
	call.Method, call.Args, call.Read = method, bytes.Clone(args), before
	return (&session{s.state, s.module, &call, s.depth + 1}).run(gas)
}

func (s *session) ask(contract, method string, args []byte) wasm.Outcome {
	if err := s.kit.write("answer", answer{Status: asks, Contract: contract, Method: method, Args: args}); err != nil {
		return wasm.Outcome{Status: wasm.Halt, Err: err}
	}
	var a answer
	if err := s.kit.read("answer", &a); err != nil {
		return wasm.Outcome{Status: wasm.Halt, Err: err}
	}
	// #nosec G115 -- bounded
	o := wasm.Outcome{Status: wasm.Status(min(a.Status, uint32(wasm.Trapped))), Output: a.Output, Code: a.Code, Message: a.Message}
	for _, r := range a.Read {
		o.Read = both(o.Read, r.Entries)
	}
	return o
}

// both is who may see what the readers may and, besides, a record for an audience. The
// engine narrows a call's readers likewise.
func both(readers wasm.Readers, audience ledger.Audience) wasm.Readers {
	switch {
	case len(audience) == 0:
		return readers
	case !readers.Few:
		return wasm.Readers{Few: true, Entries: ledger.NewAudience(audience...)}
	}
	var entries ledger.Audience
	for _, e := range readers.Entries {
		if covered(audience, e) {
			entries = append(entries, e)
		}
	}
	for _, e := range audience {
		if covered(readers.Entries, e) {
			entries = append(entries, e)
		}
	}
	return wasm.Readers{Few: true, Entries: ledger.NewAudience(entries...)}
}

// covered: a party by itself or by its organisation, which its name says here.
func covered(audience ledger.Audience, entry ledger.Party) bool {
	_, organisation, _ := strings.Cut(string(entry), "@")
	return slices.Contains(audience, entry) || organisation != "" && slices.Contains(audience, ledger.OrganisationEntry+ledger.Party(organisation))
}
