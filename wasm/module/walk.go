package module

// A metered block is a stretch of code that is entered at one point and then runs
// to its end, or traps; its whole cost is charged where it begins. Code behind a
// construct (block, loop, if) from which no branch leads further out runs exactly
// when the code before the construct ran, so it is charged there too.
type charge struct {
	at     int // offset into walker.out
	cost   uint64
	check  bool // test the sign: function entry or head of a loop that is branched to
	before int  // the charge whose block leads here, at most once; -1: none

	calls   bool   // the block enters a function of the module, which tests the sign
	prepaid uint64 // of cost, for blocks behind it
}

// frame is an open construct; the first is the function.
type frame struct {
	op       byte
	results  []ValueType
	params   []ValueType
	height   int // operands below its parameters
	before   int // charge that was current where it opened
	head     int // of a loop: its first charge
	escapes  bool
	branched bool
}

// walker goes once through a function body: it checks limits and instructions,
// writes the rewritten code without its charges into out, and notes the charges.
type walker struct {
	d          *decoded
	r          *reader
	index      int // function index, for messages
	helpers    uint32
	out        []byte
	charges    []charge
	frames     []frame
	current    int
	height     int
	kinds      []ValueType // of the operands
	highest    int
	blocks     int
	labels     int // of branch tables
	added      int // blocks that the rewriting adds to instructions
	deadAt     int // frames open beyond the live ones while code cannot be reached, plus one; 0 = live
	locals     int // with parameters
	localKinds []ValueType
	extra      []ValueType
	scratch    map[ValueType]uint32
	last       byte // opcode of the last instruction in this stretch of code; opEnd where one begins
	ands       bool // an and of integers was met in this function

	calls    *bodyCalls // in the first walk; nil in the second
	untested []uint64   // in the second walk: cost of each function until the next test, 0 for those with a test
	debt     uint64     // in the second walk: cost of untested calls since the last test
}

// body walks over a function body, from behind its locals to its last end.
func (w *walker) body(results []ValueType) *Refusal {
	w.frames = append(w.frames[:0], frame{results: results})
	w.charges = append(w.charges[:0], charge{cost: GasFunctionEntry, check: true, before: -1})
	for len(w.frames) > 0 && w.r.fail == nil {
		w.instruction()
	}
	if w.r.fail == nil && !w.r.done() {
		w.r.bad("function %d goes on behind its end", w.index)
	}
	if w.r.fail == nil && w.blocks > BlocksMax {
		return refuse(RuleLimit, "function %d has %d blocks, at most %d are allowed; split it", w.index, w.blocks, BlocksMax)
	}
	return w.r.fail
}

// mark begins a metered block here, to which the block of the charge before leads.
func (w *walker) mark(before int) {
	if last := len(w.charges) - 1; w.charges[last].at == len(w.out) && w.charges[last].cost == 0 && !w.charges[last].check && !w.isHead(last) {
		w.current = last
		return
	}
	w.charges = append(w.charges, charge{at: len(w.out), before: before})
	w.current = len(w.charges) - 1
}

// prepay moves the costs of small blocks to the block that runs before them: one whose block
// leads to each of them at most once. What is then paid for code that is branched around is at
// most PrepaidMax a charge, which is about what a charge itself takes.
func (w *walker) prepay() {
	for i := len(w.charges) - 1; i > 0; i-- {
		c := &w.charges[i]
		if c.before < 0 || c.check || c.cost == 0 || c.cost > PrepaidMax {
			continue
		}
		to := &w.charges[c.before]
		if to.prepaid+c.cost <= PrepaidMax {
			to.prepaid += c.cost
			to.cost += c.cost
			c.cost = 0
		}
	}
}

// isHead tells whether a charge is the head of an open loop; such a one must not
// be shared, for it is moved when the loop turns out to be none.
func (w *walker) isHead(i int) bool {
	for _, f := range w.frames {
		if f.op == opLoop && f.head == i || f.before == i {
			return true
		}
	}
	return false
}

func (w *walker) pay(c class) { w.charges[w.current].cost += prices[c] }

// blockType reads a block's type.
func (w *walker) blockType() (params, results []ValueType) {
	v := w.r.signed(33)
	if v < 0 {
		// #nosec G115 -- a value type's byte
		switch t := byte(v & 0x7f); t {
		case blockEmpty:
			return nil, nil
		default:
			w.d.valueType(w.r, t)
			return nil, only(t)
		}
	}
	if v >= int64(len(w.d.types)) {
		w.r.bad("type %d of a block is not there", v)
		return nil, nil
	}
	t := w.d.types[v]
	return t.params, t.results
}

// open handles block, loop and if.
func (w *walker) open(op byte, start int) {
	params, results := w.blockType()
	w.blocks++
	if op == opLoop {
		w.blocks += 2
	}
	if w.deadAt > 0 {
		w.deadAt++
		w.deep()
		return
	}
	if op == opIf {
		w.pay(classBranch)
		w.pop(1)
		w.blocks++
		w.condition()
	}
	w.last = opEnd
	w.out = append(w.out, w.r.b[start:w.r.pos]...)
	w.frames = append(w.frames, frame{
		op: op, params: params, results: results, height: w.height - len(params), before: w.current,
	})
	w.deep()
	if op == opBlock {
		return
	}
	before := w.current
	if op == opLoop {
		before = -1 // it runs again and again
	}
	w.charges = append(w.charges, charge{at: len(w.out), before: before})
	w.current = len(w.charges) - 1
	w.frames[len(w.frames)-1].head = w.current
}

func (w *walker) deep() {
	if len(w.frames)+w.deadAt > NestingMax {
		w.r.refuse(RuleLimit, "function %d nests blocks deeper than %d", w.index, NestingMax)
	}
}

func (w *walker) otherwise() {
	if w.deadAt > 1 {
		return
	}
	top := &w.frames[len(w.frames)-1]
	if top.op != opIf {
		w.r.bad("function %d has an else without an if", w.index)
		return
	}
	top.op = opElse
	w.deadAt, w.last = 0, opEnd
	w.level(top.height)
	w.give(top.params)
	w.blocks++
	w.out = append(w.out, opElse)
	w.mark(top.before)
}

// end closes the innermost construct.
func (w *walker) end() {
	if w.deadAt > 1 {
		w.deadAt--
		return
	}
	w.deadAt, w.last = 0, opEnd
	top := w.frames[len(w.frames)-1]
	w.frames = w.frames[:len(w.frames)-1]
	w.level(top.height)
	w.give(top.results)
	if len(w.frames) == 0 {
		return // the wrapper's end is written with the epilogue
	}
	w.out = append(w.out, opEnd)
	if top.op == opLoop {
		head := &w.charges[top.head]
		if top.branched {
			head.check = !head.calls
			head.cost = max(head.cost, 1)
		} else { // runs once: it belongs to what was before
			w.charges[top.before].cost += head.cost
			head.cost = 0
			if w.current == top.head {
				w.current = top.before
			}
		}
	}
	if !top.escapes {
		w.current = top.before
		return
	}
	w.mark(top.before)
}

// branch notes a branch to a label.
func (w *walker) branch(label uint32) {
	if uint64(label) >= uint64(len(w.frames)) {
		w.r.bad("function %d branches to label %d, which is not there", w.index, label)
		return
	}
	target := len(w.frames) - 1 - int(label)
	for i := target + 1; i < len(w.frames); i++ {
		w.frames[i].escapes = true
	}
	w.frames[target].branched = true
}

// jump handles br, br_if, br_table and return.
func (w *walker) jump(op byte, start int) {
	var labels []uint32
	switch op {
	case opBrTable:
		n := w.r.count("labels in a branch table", BranchTableMax)
		for range n + 1 {
			labels = append(labels, w.r.unsigned32())
		}
		w.labels += n
		w.blocks++
	case opReturn:
		labels = append(labels, uint32(max(len(w.frames), 1)-1)) // #nosec G115 -- bounded by NestingMax
	default:
		labels = append(labels, w.r.unsigned32())
	}
	if op == opBrIf {
		w.blocks++
	}
	if w.deadAt > 0 || w.r.fail != nil {
		return
	}
	w.pay(opcodes[op].class)
	w.pop(int(opcodes[op].pop))
	if op == opBrIf {
		w.condition()
	}
	w.last = opEnd
	for _, l := range labels {
		w.branch(l)
	}
	if op == opReturn {
		w.out = appendUnsigned(append(w.out, opBr), uint64(labels[0]))
	} else {
		w.out = append(w.out, w.r.b[start:w.r.pos]...)
	}
	if op == opBrIf {
		w.mark(w.current)
		return
	}
	w.deadAt = 1
}
