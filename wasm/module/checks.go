package module

// Where the sign of the gas is tested. A test may call the helper that hands out the next
// slice, and code around a call keeps its values in memory, so in a small function the test
// costs more than the function. It is left out where little can happen before the next one: in
// functions that are in no circle of calls and that, with all that they call untested, cost at
// most UntestedMax between two tests. So what is used beyond the gas there is stays bounded by
// one body's cost, UntestedMax for a call by table, and DebtMax. Other small bodies, those in
// a circle of calls above all, test where they end, when nothing but the result is alive: that
// adds SmallBody for each of at most FramesMax frames.
const (
	UntestedMax = 4_000
	DebtMax     = 20_000 // of untested calls in a body, before a test of its own
	SmallBody   = 1_000
)

// Where a function tests the gas, besides the heads of its loops.
const (
	testNowhere = iota
	testEntry
	testEnd
)

// tests says it for the function whose body was walked last.
func (w *walker) tests(i int) int {
	if w.untested[i] > 0 {
		return testNowhere
	}
	var cost uint64
	for _, c := range w.charges {
		cost += c.cost
	}
	if cost > SmallBody {
		return testEntry
	}
	return testEnd
}

// bodyCalls is what a body's first walk tells.
type bodyCalls struct {
	cost     uint64   // of all its blocks, once each
	callees  []uint32 // of direct calls, once for each place; defined functions
	indirect int      // calls by table
}

// planner finds the functions without a test at their entry.
type planner struct {
	bodies   []bodyCalls
	state    []byte
	untested []uint64 // cost until the next test, 0 for those with a test
}

const (
	planNew = iota
	planOpen
	planTested
	planUntested
)

// plan walks over all bodies and decides.
func (d *decoded) plan(w *walker) *Refusal {
	p := &planner{bodies: make([]bodyCalls, len(d.bodies)), state: make([]byte, len(d.bodies)), untested: make([]uint64, len(d.bodies))}
	for i, b := range d.bodies {
		t := d.types[d.functions[i]]
		w.begin(i, b)
		w.calls = &p.bodies[i]
		if _, refusal := w.readLocals(t.params); refusal != nil {
			return refusal
		}
		if refusal := w.body(t.results); refusal != nil {
			return refusal
		}
		for _, c := range w.charges {
			p.bodies[i].cost += c.cost
		}
	}
	w.calls = nil
	for i := range p.bodies {
		p.visit(i)
	}
	w.untested = p.untested
	return nil
}

// visit decides about a function after those that it calls: a walk in depth with a stack of
// its own, for a chain of calls may be as long as there are functions.
func (p *planner) visit(root int) {
	type frame struct {
		function, at int
	}
	if p.state[root] != planNew {
		return
	}
	stack := []frame{{function: root}}
	p.state[root] = planOpen
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		b := &p.bodies[top.function]
		if p.state[top.function] == planOpen && top.at < len(b.callees) {
			callee := int(b.callees[top.at])
			top.at++
			switch p.state[callee] {
			case planNew:
				p.state[callee] = planOpen
				stack = append(stack, frame{function: callee})
			case planOpen: // a circle: whoever it leads back to has the test
				p.state[callee] = planTested
			}
			continue
		}
		if p.state[top.function] == planOpen {
			p.close(top.function)
		}
		stack = stack[:len(stack)-1]
	}
}

// close decides about a function whose callees are decided, or open and so tested.
func (p *planner) close(f int) {
	b := &p.bodies[f]
	cost := b.cost + uint64(b.indirect)*UntestedMax // #nosec G115 -- a count
	for _, callee := range b.callees {
		cost += p.untested[callee]
		if cost > UntestedMax {
			break
		}
	}
	if cost > UntestedMax {
		p.state[f] = planTested
		return
	}
	p.state[f], p.untested[f] = planUntested, max(cost, 1)
}

// calledDirectly notes a direct call of a defined function.
func (w *walker) calledDirectly(function uint32) {
	f := function - uint32(len(w.d.imported)) // #nosec G115 -- bounded by limits
	if w.calls != nil {
		w.calls.callees = append(w.calls.callees, f)
		return
	}
	if cost := w.untested[f]; cost > 0 {
		w.debt += cost
	} else {
		w.charges[w.current].calls = true
	}
}

// calledByTable notes a call_indirect.
func (w *walker) calledByTable() {
	if w.calls != nil {
		w.calls.indirect++
	}
	w.debt += UntestedMax
}

// settle puts a test behind many untested calls.
func (w *walker) settle() {
	if w.debt <= DebtMax || w.calls != nil || !w.live() {
		return
	}
	w.debt = 0
	w.mark(w.current)
	w.charges[w.current].check = true
	w.charges[w.current].cost++
}
