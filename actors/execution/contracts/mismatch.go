package contracts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// evidenceSuffix ends the names of evidence.
const evidenceSuffix = ".mismatch.json"

// Mismatch is the error of a call that machine code and interpreter do not agree
// about, with the evidence.
type Mismatch struct {
	What     string          `json:"what"` // in which they differ
	Contract string          `json:"contract"`
	Module   ledger.HexBytes `json:"module"` // SHA-256; of the contract that was called first
	Height   ledger.Height   `json:"height"`
	TxID     ledger.Hash     `json:"transaction"`
	Caller   string          `json:"caller"`
	Method   string          `json:"method"`
	Args     ledger.HexBytes `json:"args"`
	Gas      uint64          `json:"gas_limit"`
	Machine  run             `json:"machine_code"`
	Second   run             `json:"interpreter"`
	File     string          `json:"-"`
}

// run is what came of one of the two runs.
type run struct {
	Status  string          `json:"status"`
	Output  ledger.HexBytes `json:"output"`
	Code    uint32          `json:"code"`
	Message string          `json:"message"`
	GasUsed uint64          `json:"gas_used"`
	Events  []string        `json:"events"`
	Steps   []string        `json:"steps"` // reads and writes in their order
}

// Error is the sentence for the operator.
func (m *Mismatch) Error() string {
	return fmt.Sprintf("machine code and interpreter disagree about contract %s: %s; the evidence is %s. This replica has stopped, for one of the two is wrong. "+
		"Compare the state roots with the other members, send them and the maintainers the file, and start again with a corrected version after moving the file away",
		m.Contract, m.What, m.File)
}

// evidence is a file of an earlier difference in a folder; "" when there is none. The
// folder's name may hold what would be a pattern.
func evidence(folder string) (string, error) {
	list, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	for _, f := range list {
		if strings.HasSuffix(f.Name(), evidenceSuffix) {
			return filepath.Join(folder, f.Name()), nil
		}
	}
	return "", err
}

// keep writes the evidence; when it cannot, the error says so in place of the file.
func (m *Mismatch) keep(folder string) {
	m.File = filepath.Join(folder, fmt.Sprintf("%d-%s%s", m.Height, m.TxID.Short(), evidenceSuffix))
	raw, err := json.MarshalIndent(m, "", "  ")
	if err == nil {
		err = errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(m.File, raw, 0o600))
	}
	if err != nil {
		m.File = fmt.Sprintf("lost (%v)", err)
	}
}

// compare makes the second run of a job; a nil Mismatch means that both are alike.
func (s *Shadow) compare(j *job) (*Mismatch, error) {
	p := &replayer{steps: j.steps, code: j.code}
	if j.method == "" {
		what, err := s.prepared(j, p)
		if what == "" || err != nil {
			return nil, err
		}
		return j.mismatch(what, wasm.Outcome{}, nil, p), nil
	}
	r := j.runner
	r.Modules, r.Store = s.second, p
	var o wasm.Outcome
	var err error
	if j.record != nil {
		o, err = r.Execute(j.record, j.method, j.args, j.gas)
	} else {
		o, err = r.Run(j.name, j.method, j.args, j.gas)
	}
	var unknown *Unknown
	var refusal *module.Refusal
	what := p.ended()
	switch {
	case what != "":
	case errors.As(err, &refusal) || errors.As(err, &unknown):
		what = "only the interpreter says that " + err.Error()
	case err != nil:
		return nil, err
	default:
		what = outcomesDiffer(j.outcome, o)
		if what == "" {
			what = eventsDiffer(j.events, r.Events())
		}
	}
	if what == "" {
		return nil, nil
	}
	return j.mismatch(what, o, r.Events(), p), nil
}

// prepared compares what a module is after its initialisation and warm-up.
func (s *Shadow) prepared(j *job, p *replayer) (what string, err error) {
	hash, err := ledger.HashFromBytes(j.record.Code)
	if err != nil {
		return "", err
	}
	load := func() ([]byte, error) { return Code(p, j.record) }
	if j.refused != nil {
		err := s.second.Use(hash, load, func(*wasm.Module) {})
		var refusal *module.Refusal
		switch {
		case err == nil:
			return "machine code says that " + j.refused.Error() + ", the interpreter accepts it", nil
		case !errors.As(err, &refusal):
			return "", err
		case refusal.Agreed() != j.refused.Agreed():
			return fmt.Sprintf("machine code says that %v, the interpreter that %v", j.refused, refusal), nil
		}
		return "", nil
	}
	var inner error
	err = s.first.Use(hash, load, func(a *wasm.Module) {
		inner = s.second.Use(hash, load, func(b *wasm.Module) { what = a.Differs(b) })
	})
	var refusal *module.Refusal
	if errors.As(inner, &refusal) {
		return "only the interpreter says that " + refusal.Error(), nil
	}
	return what, errors.Join(err, inner)
}

func outcomesDiffer(a, b wasm.Outcome) string {
	switch {
	case a.Status != b.Status:
		return fmt.Sprintf("machine code ends with %s (%s), the interpreter with %s (%s)", a.Status, a.Message, b.Status, b.Message)
	case a.GasUsed != b.GasUsed:
		return fmt.Sprintf("machine code uses %d gas, the interpreter %d", a.GasUsed, b.GasUsed)
	case !bytes.Equal(a.Output, b.Output):
		return fmt.Sprintf("machine code puts out %x, the interpreter %x", a.Output, b.Output)
	case a.Code != b.Code || a.Message != b.Message:
		return fmt.Sprintf("machine code fails with %d %q, the interpreter with %d %q", a.Code, a.Message, b.Code, b.Message)
	}
	return ""
}

func eventsDiffer(a, b []ledger.Event) string {
	if len(a) != len(b) {
		return fmt.Sprintf("machine code emits %d events, the interpreter %d", len(a), len(b))
	}
	for i := range a {
		if x, y := eventText(&a[i]), eventText(&b[i]); x != y {
			return fmt.Sprintf("event %d is %s in machine code, and %s in the interpreter", i, x, y)
		}
	}
	return ""
}

func eventText(e *ledger.Event) string {
	return fmt.Sprintf("%s %q %x for %x", e.Contract, e.Topic, e.Data, e.Audience)
}

func (j *job) mismatch(what string, second wasm.Outcome, events []ledger.Event, p *replayer) *Mismatch {
	m := &Mismatch{What: what, Contract: j.name, Height: j.runner.Call.Height, TxID: j.runner.Call.TxID, Caller: j.runner.Call.Caller,
		Method: j.method, Args: j.args, Gas: j.gas, Machine: ran(j.outcome, j.events, j.steps), Second: ran(second, events, p.asked)}
	record := j.record
	for _, st := range j.steps {
		if record == nil && st.kind == "get" && string(st.key) == string(RecordKey(j.name)) {
			record, _ = ParseRecord(st.value) // the first run has read it
		}
	}
	if record != nil {
		m.Module = record.Code
	}
	return m
}

func ran(o wasm.Outcome, events []ledger.Event, steps []step) run {
	out := run{Status: o.Status.String(), Output: o.Output, Code: o.Code, Message: o.Message, GasUsed: o.GasUsed}
	for i := range events {
		out.Events = append(out.Events, eventText(&events[i]))
	}
	for _, s := range steps {
		out.Steps = append(out.Steps, s.String())
	}
	return out
}
