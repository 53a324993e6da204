package exampletest

import (
	"testing"

	"github.com/concordat-ledger/concordat/wasm"
)

// recorded is vectors.txt of what behaviour.txt says: the state that each case leaves,
// and what the contract asks of others, come from running it.
func recorded(t testing.TB, name string, modules map[string]*wasm.Module, cases []oneCase) string {
	for i := range cases {
		c := &cases[i]
		w := newWorld(name, modules)
		for j := range c.steps {
			w.run(t, &c.steps[j])
			c.steps[j].asks = w.asks
		}
		c.state = w.left(t)
	}
	return vectors(cases)
}

// replay requires that the contract does what the vectors say, and tells what each of
// its calls costs.
func replay(t testing.TB, name string, modules map[string]*wasm.Module, cases []oneCase) *costs {
	spent := &costs{}
	for _, c := range cases {
		w := newWorld(name, modules)
		for i := range c.steps {
			s := &c.steps[i]
			told := len(w.states[name].Events)
			o := w.run(t, s)
			words := []any{"%s / %s %s: %s %v", c.title, s.contract, s.method, o.Message, o.Err}
			equal(t, s.want.String(), resultOf(o).String(), words...)
			if s.contract != "" {
				continue
			}
			equal(t, s.asks, w.asks, words...)
			equal(t, s.events, events(t, w, told), words...)
			spent.add(s.method, o.GasUsed)
		}
		equal(t, c.state, w.left(t), c.title)
	}
	return spent
}

// events are those that the contract under test told from one on.
func events(t testing.TB, w *world, from int) []event {
	var out []event
	for _, e := range w.states[w.name].Events[from:] {
		out = append(out, event{e.Topic, orEmpty(e.Data), audience(t, e.Audience)})
	}
	return out
}

// orEmpty makes no bytes alike, wherever they come from.
func orEmpty(b []byte) []byte {
	if len(b) == 0 {
		return []byte{}
	}
	return b
}
