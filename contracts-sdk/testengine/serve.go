package testengine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// GasMax is the gas that one call may use, as one transaction on a ledger.
const GasMax = 100_000_000

// asks is the status of an answer that asks for another contract.
const asks = 9

// Measured is one call that was made.
type Measured struct {
	Method string
	Status wasm.Status
	Gas    uint64
}

// Serve answers calls until the stream ends. report is told each call.
func Serve(ctx context.Context, code []byte, in io.Reader, out io.Writer, report func(Measured) error) error {
	s, err := schema.Parse(protocol)
	if err != nil {
		return err
	}
	e, err := wasm.New(ctx, wasm.Config{})
	if err != nil {
		return err
	}
	m, err := e.Compile(ctx, code)
	if err != nil {
		return errors.Join(err, e.Close(ctx))
	}
	st := &stream{in, out, s}
	for err == nil {
		err = st.answer(m, report)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, m.Close(ctx), e.Close(ctx))
}

// answer runs one call.
func (s *stream) answer(m *wasm.Module, report func(Measured) error) error {
	var c call
	if err := s.read("call", &c); err != nil {
		return err
	}
	one := wasm.Call{Method: c.Method, Args: c.Args, Caller: c.Caller, Organisation: c.Organisation, Via: c.Via, Self: c.Self,
		Height: ledger.Height(c.Height), Time: ledger.Time(c.Time), CommandID: c.Command, TxID: sha256.Sum256(c.Command), ReadOnly: c.ReadOnly}
	for _, a := range c.Attributes {
		one.Attributes = append(one.Attributes, wasm.Attribute{Name: a.Name, Value: a.Value})
	}
	if c.Signer != c.Caller {
		one.Signer = c.Signer
	}
	state := newState(s, c.Records)
	o := (&session{state, m, &one, 1}).run(GasMax)
	if o.Status == wasm.Halt {
		return fmt.Errorf("the engine stopped: %w", o.Err)
	}
	if err := report(Measured{c.Method, o.Status, o.GasUsed}); err != nil {
		return err
	}
	a := answer{Status: uint32(o.Status), Output: o.Output, Code: o.Code, Message: strings.ToValidUTF8(o.Message, "?"), Gas: o.GasUsed, Logs: state.logs}
	if o.Status == wasm.OK {
		a.Changes, a.Events = state.changes, state.events
	}
	return s.write("answer", a)
}
