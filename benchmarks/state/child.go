package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// A structure is measured in a process of its own, which takes lines of orders and answers
// each with a line of JSON. So rounds of several structures take turns.

// answer to an order.
type answer struct {
	Error   string    `json:",omitempty"`
	Seconds float64   `json:",omitempty"` // of the order
	Root    string    `json:",omitempty"`
	Millis  []float64 `json:",omitempty"` // of each block
	Reads   uint64    `json:",omitempty"`
	Used    used
	Proofs  []proofFigure `json:",omitempty"`
}

// order is what the process is to do: "open", "load", "blocks" (Count of them), "hold" (no more
// flushes), "proofs", "quiet" or "close".
type order struct {
	Do    string
	Count int  `json:",omitempty"`
	Zipf  bool `json:",omitempty"`
}

// child serves orders until close.
type child struct {
	kind   kind
	dir    string
	n      int
	engine engine
	source *source
}

func (c *child) serve(in io.Reader, out io.Writer) error {
	c.engine, c.source = c.kind.make(), newSource(c.n)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		begin := time.Now()
		a, err := c.do(o)
		a.Seconds = time.Since(begin).Seconds()
		if err != nil {
			a.Error = err.Error()
		}
		if used, err := usedNow(); err == nil {
			a.Used = used
		}
		if err := json.NewEncoder(out).Encode(a); err != nil || o.Do == "close" {
			return err
		}
	}
	return lines.Err()
}

func (c *child) do(o order) (a answer, err error) {
	switch o.Do {
	case "open":
		if err = c.engine.open(c.dir); err == nil {
			a.Root = fmt.Sprintf("%x", c.engine.root())
		}
	case "load":
		err = load(c.engine, c.n)
	case "blocks":
		return c.blocks(o)
	case "hold":
		if e, ok := c.engine.(*ours); ok {
			if err = e.settle(); err == nil {
				err = e.store.FlushTree(e.tree, e.height)
			}
			e.hold = true
		}
	case "proofs":
		if p, ok := c.engine.(prover); ok {
			a.Proofs, err = measureProofs(p, c.n, o.Count)
		}
	case "quiet":
		if err = c.engine.settle(); err == nil {
			err = quiet()
		}
	case "close":
		a.Root = fmt.Sprintf("%x", c.engine.root())
		err = c.engine.close()
	default:
		err = fmt.Errorf("there is no order %q", o.Do)
	}
	return a, err
}

func (c *child) blocks(o order) (a answer, err error) {
	before := c.engine.reads()
	for range o.Count {
		b := c.source.block(o.Zipf)
		begin := time.Now()
		if err := c.engine.apply(b, false); err != nil {
			return a, err
		}
		a.Millis = append(a.Millis, float64(time.Since(begin).Microseconds())/1e3)
	}
	a.Reads = c.engine.reads() - before
	return a, c.engine.settle()
}
