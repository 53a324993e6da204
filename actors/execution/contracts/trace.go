package contracts

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/concordat-ledger/concordat/ledger"
)

// A trace is all that a transaction asked of the state, in its order, with the
// answers: reads, scans, writes with their audience (it stands in the record), and
// what was taken back. Calls of other contracts go through the same store, so they
// are in it too. A second run needs no state but its trace, and shows by its own
// questions where it begins to differ.

// traceBytesMax bounds one trace; a call that needs more is not looked at again.
const traceBytesMax = 4 << 20

// stepBytes is what a step takes beside what it holds.
const stepBytes = 128

// step is one question and its answer.
type step struct {
	kind  string // get, set, mark, rollback, scan, next
	key   []byte // of get, set, next; where a scan begins
	to    []byte // of scan
	value []byte // of get, set, next; nil: none
	n     int    // mark; number of the scan
	ok    bool   // of next: there was an entry; of scan: it goes backwards
}

// String is the step for the evidence.
func (s step) String() string {
	value := "nothing"
	if s.value != nil {
		value = fmt.Sprintf("%x", s.value)
	}
	switch s.kind {
	case "get", "set":
		return fmt.Sprintf("%s %q = %s", s.kind, s.key, value)
	case "scan":
		return fmt.Sprintf("scan %d from %q to %q, backwards %t", s.n, s.key, s.to, s.ok)
	case "next":
		return fmt.Sprintf("next of scan %d = %q %s", s.n, s.key, value)
	}
	return fmt.Sprintf("%s %d", s.kind, s.n)
}

// asks tells whether both steps put the same question; what is written is part of it.
func (s step) asks(o step) bool {
	if s.kind != o.kind || s.n != o.n {
		return false
	}
	switch s.kind {
	case "get":
		return bytes.Equal(s.key, o.key)
	case "set":
		return bytes.Equal(s.key, o.key) && bytes.Equal(s.value, o.value) && (s.value == nil) == (o.value == nil)
	case "scan":
		return bytes.Equal(s.key, o.key) && bytes.Equal(s.to, o.to) && s.ok == o.ok
	}
	return true
}

// isCode tells keys of modules. They are read when a module is not compiled yet,
// which is no part of a call.
func isCode(key []byte) bool { return strings.HasPrefix(string(key), codePrefix) }

// recorder is a Store that writes the trace.
type recorder struct {
	store Store
	steps []step
	bytes int
	full  bool
	scans int
}

func (r *recorder) add(s step) {
	r.bytes += len(s.key) + len(s.to) + len(s.value) + stepBytes
	if r.full = r.full || r.bytes > traceBytesMax; r.full {
		r.steps = nil
		return
	}
	r.steps = append(r.steps, s)
}

// Get implements Store. What the state holds is never changed in place, so the
// value needs no copy.
func (r *recorder) Get(key []byte) ([]byte, error) {
	v, err := r.store.Get(key)
	if err == nil && !isCode(key) {
		r.add(step{kind: "get", key: bytes.Clone(key), value: v})
	}
	return v, err
}

func (r *recorder) Set(key, record []byte) {
	r.store.Set(key, record)
	r.add(step{kind: "set", key: bytes.Clone(key), value: record})
}

func (r *recorder) Mark() int {
	n := r.store.Mark()
	r.add(step{kind: "mark", n: n})
	return n
}

func (r *recorder) Rollback(mark int) {
	r.store.Rollback(mark)
	r.add(step{kind: "rollback", n: mark})
}

func (r *recorder) Scan(from, to []byte, reverse bool) (Iterator, error) {
	it, err := r.store.Scan(from, to, reverse)
	if err != nil {
		return nil, err
	}
	r.scans++
	r.add(step{kind: "scan", key: bytes.Clone(from), to: bytes.Clone(to), n: r.scans, ok: reverse})
	return &recordedScan{Iterator: it, recorder: r, number: r.scans}, nil
}

type recordedScan struct {
	Iterator
	recorder *recorder
	number   int
}

func (s *recordedScan) Next() (key, value []byte, ok bool, err error) {
	key, value, ok, err = s.Iterator.Next()
	if err == nil {
		s.recorder.add(step{kind: "next", key: bytes.Clone(key), value: bytes.Clone(value), n: s.number, ok: ok})
	}
	return key, value, ok, err
}

// errStrayed ends a second run that has left the trace.
var errStrayed = errors.New("the second run has left the trace of the first")

// replayer is a Store that answers from a trace.
type replayer struct {
	steps   []step
	at      int
	scans   int
	code    map[ledger.Hash][][]byte
	strayed string // where the two begin to differ; "": nowhere so far
	asked   []step // what the second run asked, for the evidence
}

// next takes the next answer, if the question is that of the trace.
func (p *replayer) next(q step) (step, bool) {
	if p.strayed != "" {
		return step{}, false
	}
	p.asked = append(p.asked, q)
	if p.at == len(p.steps) {
		p.strayed = fmt.Sprintf("machine code asks for nothing more after %d steps, the interpreter goes on with %s", p.at, q)
		return step{}, false
	}
	s := p.steps[p.at]
	if !s.asks(q) {
		p.strayed = fmt.Sprintf("step %d is %s in machine code, and %s in the interpreter", p.at+1, s, q)
		return step{}, false
	}
	p.at++
	return s, true
}

// ended says what of the trace the second run did not ask for.
func (p *replayer) ended() string {
	if p.strayed == "" && p.at < len(p.steps) {
		p.strayed = fmt.Sprintf("the interpreter asks for nothing more after %d steps, machine code goes on with %s", p.at, p.steps[p.at])
	}
	return p.strayed
}

func (p *replayer) Get(key []byte) ([]byte, error) {
	if isCode(key) {
		return p.piece(key), nil
	}
	s, ok := p.next(step{kind: "get", key: bytes.Clone(key)})
	if !ok {
		return nil, errStrayed
	}
	return s.value, nil
}

// piece finds a piece of a module by its key; nil when the job does not have it.
func (p *replayer) piece(key []byte) []byte {
	for hash, list := range p.code {
		for i := range list {
			if bytes.Equal(key, CodeKey(hash, i)) {
				return list[i]
			}
		}
	}
	return nil
}

func (p *replayer) Set(key, record []byte) {
	p.next(step{kind: "set", key: bytes.Clone(key), value: record})
}

func (p *replayer) Mark() int {
	if p.at < len(p.steps) && p.steps[p.at].kind == "mark" {
		p.asked = append(p.asked, p.steps[p.at])
		p.at++
		return p.steps[p.at-1].n
	}
	p.next(step{kind: "mark"})
	return 0
}

func (p *replayer) Rollback(mark int) { p.next(step{kind: "rollback", n: mark}) }

func (p *replayer) Scan(from, to []byte, reverse bool) (Iterator, error) {
	p.scans++
	if _, ok := p.next(step{kind: "scan", key: bytes.Clone(from), to: bytes.Clone(to), n: p.scans, ok: reverse}); !ok {
		return nil, errStrayed
	}
	return &replayedScan{p, p.scans}, nil
}

type replayedScan struct {
	replayer *replayer
	number   int
}

func (s *replayedScan) Next() (key, value []byte, ok bool, err error) {
	have, ok := s.replayer.next(step{kind: "next", n: s.number})
	if !ok {
		return nil, nil, false, errStrayed
	}
	return have.key, have.value, have.ok, nil
}

func (s *replayedScan) Close() {}
