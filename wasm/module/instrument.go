package module

import "strconv"

// Check judges a module by everything that its bytes alone decide, except the
// typing of its code, which the engine validates. The error is a *Refusal.
func Check(code []byte) (*Info, error) {
	_, info, err := Instrument(code)
	if err != nil {
		return nil, err
	}
	info.InstrumentedBytes, info.ChargePoints = 0, 0
	return info, nil
}

// Instrument checks a module and rewrites it as the package comment says. The
// result is only meaningful when the original validates: the block that bounds
// depth shifts labels, so some invalid code would become valid. It exports, under
// names of ReservedPrefix, its gas, reserve, stack and mutable globals. The error
// is a *Refusal.
func Instrument(code []byte) ([]byte, *Info, error) {
	d, refusal := decode(code)
	if refusal != nil {
		return nil, nil, refusal
	}
	codeSection, refusal := d.rewriteCode()
	if refusal != nil {
		return nil, nil, refusal
	}
	out := d.assemble(codeSection)
	d.info.InstrumentedBytes = len(out)
	return out, &d.info, nil
}

// Globals that the instrumenter appends, counted from the first free index.
const (
	globalBudget = iota
	globalReserve
	globalsAdded
)

func (d *decoded) globalIndex(i int) uint64 { return uint64(len(d.globals) + i) } // #nosec G115 -- both small

func (d *decoded) firstHelper() uint32 {
	return uint32(len(d.imported) + len(d.functions)) // #nosec G115 -- bounded by limits
}

// appendHelperTypes comes before the bodies are walked, which may append more.
func (d *decoded) appendHelperTypes() {
	nothing := uint32(len(d.types)) // #nosec G115 -- bounded by TypesMax
	d.types = append(d.types, funcType{}, funcType{[]ValueType{I32}, []ValueType{I32}}, funcType{params: []ValueType{I32, I32, I32}})
	d.helperTypes = [helpers]uint32{helperRefill: nothing, helperGrow: nothing + 1, helperFill: nothing + 2, helperCopy: nothing + 2}
}

// rewriteCode rewrites all bodies and appends the helpers' bodies.
func (d *decoded) rewriteCode() ([]byte, *Refusal) {
	d.appendHelperTypes()
	section := make([]byte, 0, d.info.CodeBytes+d.info.CodeBytes/2+1024)
	section = appendUnsigned(section, uint64(len(d.bodies)+helpers)) // #nosec G115 -- a length
	w := &walker{d: d, helpers: d.firstHelper(), scratch: map[ValueType]uint32{}}
	if refusal := d.plan(w); refusal != nil {
		return nil, refusal
	}
	var body []byte
	for i, b := range d.bodies {
		t := d.types[d.functions[i]]
		var refusal *Refusal
		if body, refusal = d.rewriteBody(w, body[:0], i, b, t); refusal != nil {
			return nil, refusal
		}
		section = append(appendUnsigned(section, uint64(len(body))), body...)
		if d.info.CompileCost += w.compileCost(len(b)); d.info.CompileCost > CompileBudget {
			return nil, refuse(RuleBudget, "it would take too long to compile: %d functions with long chains of branches; split the largest", i+1)
		}
		d.info.BlocksLargest = max(d.info.BlocksLargest, w.blocks)
	}
	for _, h := range d.helperBodies() {
		section = append(appendUnsigned(section, uint64(len(h))), h...)
	}
	return section, nil
}

// compileCost is what a body takes of the compile budget.
func (w *walker) compileCost(size int) uint64 {
	locals, blocks := w.locals+len(w.extra), w.blocks+w.added
	return uint64(CompilePerByte*size + CompilePerBlockSquared*blocks*blocks + // #nosec G115 -- not negative
		CompilePerLocalBlock*locals*blocks + CompilePerLabel*w.labels)
}

// begin readies the walker for a body.
func (w *walker) begin(i int, b []byte) {
	w.r = &reader{b: b}
	w.index = i + len(w.d.imported)
	w.out, w.extra, w.kinds = w.out[:0], w.extra[:0], w.kinds[:0]
	w.current, w.height, w.highest, w.blocks, w.labels, w.added, w.deadAt, w.ands, w.debt = 0, 0, 0, 0, 0, 0, 0, false, 0
	clear(w.scratch)
}

func (d *decoded) rewriteBody(w *walker, out []byte, i int, b []byte, t funcType) ([]byte, *Refusal) {
	w.begin(i, b)
	runs, refusal := w.readLocals(t.params)
	if refusal != nil {
		return nil, refusal
	}
	if refusal = w.body(t.results); refusal != nil {
		return nil, refusal
	}
	w.prepay()
	out = appendUnsigned(out, uint64(len(runs)/2+len(w.extra))) // #nosec G115 -- a length
	for j := 0; j < len(runs); j += 2 {
		out = append(appendUnsigned(out, uint64(runs[j])), byte(runs[j+1])) // #nosec G115 -- a type's byte
	}
	for _, kind := range w.extra {
		out = append(out, 1, kind)
	}
	out = d.enter(out, w.charges[0].cost, w.slots(), w.tests(i) == testEntry)
	d.info.ChargePoints++
	out = append(out, opBlock)
	out = append(out, d.wrapperType(t)...)
	done := 0
	for _, c := range w.charges[1:] {
		if c.cost == 0 && !c.check {
			continue
		}
		out = append(out, w.out[done:c.at]...)
		done = c.at
		out = d.charge(out, c)
		d.info.ChargePoints++
	}
	out = append(out, w.out[done:]...)
	out = append(out, opEnd)
	out = d.leave(out, w.slots())
	if w.tests(i) == testEnd {
		out = d.refillWhenNegative(out)
	}
	return append(out, opEnd), nil
}

// readLocals returns the runs of locals as count, type, count, type …
func (w *walker) readLocals(params []ValueType) ([]uint32, *Refusal) {
	n := w.r.count("runs of locals", LocalsMax)
	total := uint64(len(params))
	w.localKinds = append(w.localKinds[:0], params...)
	var runs []uint32
	for range n {
		count, kind := w.r.unsigned32(), w.r.byte()
		if w.r.fail == nil {
			w.d.valueType(w.r, kind)
		}
		total += uint64(count)
		if w.r.fail == nil && total > LocalsMax {
			w.r.refuse(RuleLimit, "function %d has more than %d locals", w.index, LocalsMax)
		}
		if w.r.fail != nil {
			return nil, w.r.fail
		}
		runs = append(runs, count, uint32(kind))
		for range count {
			w.localKinds = append(w.localKinds, kind)
		}
	}
	w.locals = int(total) // #nosec G115 -- bounded above
	return runs, w.r.fail
}

func (d *decoded) get(out []byte, global int) []byte {
	return appendUnsigned(append(out, opGlobalGet), d.globalIndex(global))
}

func (d *decoded) set(out []byte, global int) []byte {
	return appendUnsigned(append(out, opGlobalSet), d.globalIndex(global))
}

// enter takes a frame's slots and pays for the function's first block. A frame too many
// traps with slots below zero, by which the engine tells it from other traps.
func (d *decoded) enter(out []byte, cost uint64, slots int64, test bool) []byte {
	out = d.get(out, globalBudget)
	out = append(appendSigned(append(out, opI64Const), int64(cost<<gasShift)+slots), opI64Sub) // #nosec G115 -- bounded by the body's size
	out = d.set(out, globalBudget)
	out = append(d.get(out, globalBudget), opI32Wrap)
	out = append(appendSigned(append(out, opI32Const), stackBias), opI32And, opI32Eqz, opIf, blockEmpty, opUnreachable, opEnd)
	if !test {
		return out
	}
	return d.refillWhenNegative(out)
}

func (d *decoded) leave(out []byte, slots int64) []byte {
	out = d.get(out, globalBudget)
	out = append(appendSigned(append(out, opI64Const), slots), opI64Add)
	return d.set(out, globalBudget)
}

// wrapperType is the block type with a function's results.
func (d *decoded) wrapperType(t funcType) []byte {
	switch len(t.results) {
	case 0:
		return []byte{blockEmpty}
	case 1:
		return []byte{t.results[0]}
	}
	for i, has := range d.types {
		if len(has.params) == 0 && string(has.results) == string(t.results) {
			return appendSigned(nil, int64(i))
		}
	}
	d.types = append(d.types, funcType{results: t.results})
	return appendSigned(nil, int64(len(d.types)-1))
}

func (d *decoded) charge(out []byte, c charge) []byte {
	out = d.get(out, globalBudget)
	out = append(appendSigned(append(out, opI64Const), int64(c.cost<<gasShift)), opI64Sub) // #nosec G115 -- bounded by the body's size
	out = d.set(out, globalBudget)
	if !c.check {
		return out
	}
	return d.refillWhenNegative(out)
}

func (d *decoded) refillWhenNegative(out []byte) []byte {
	out = d.get(out, globalBudget)
	out = append(out, opI64Const, 0, opI64LtS, opIf, blockEmpty, opCall)
	out = appendUnsigned(out, uint64(d.firstHelper()+helperRefill))
	return append(out, opEnd)
}

// assemble writes the rewritten module. Custom sections are left out.
func (d *decoded) assemble(code []byte) []byte {
	out := make([]byte, 0, len(code)+len(d.data)+len(d.elements)+64<<10)
	out = append(out, magic...)
	section := func(id byte, content []byte) {
		if content != nil {
			out = appendSection(out, id, content)
		}
	}
	types := appendUnsigned(nil, uint64(len(d.types)))
	for _, t := range d.types {
		types = appendType(types, t)
	}
	section(sectionType, types)
	section(sectionImport, d.imports)
	section(sectionFunction, d.functionSection())
	section(sectionTable, d.table)
	memory := appendUnsigned([]byte{1, 1}, uint64(d.pagesMin))
	section(sectionMemory, appendUnsigned(memory, uint64(d.pagesMax)))
	section(sectionGlobal, d.globalSection())
	section(sectionExport, d.exportSection())
	section(sectionElement, d.elements)
	section(sectionCode, code)
	section(sectionData, d.data)
	return out
}

func (d *decoded) functionSection() []byte {
	b := appendUnsigned(nil, uint64(len(d.functions)+helpers)) // #nosec G115 -- a length
	for _, t := range d.functions {
		b = appendUnsigned(b, uint64(t))
	}
	for _, t := range d.helperTypes {
		b = appendUnsigned(b, uint64(t))
	}
	return b
}

func (d *decoded) globalSection() []byte {
	b := appendUnsigned(nil, uint64(len(d.globals)+globalsAdded)) // #nosec G115 -- a length
	for _, g := range d.globals {
		mutable := byte(0)
		if g.mutable {
			mutable = 1
		}
		b = append(append(b, g.kind, mutable), g.init...)
	}
	for range globalsAdded {
		b = append(b, I64, 1, opI64Const, 0, opEnd)
	}
	return b
}

func (d *decoded) exportSection() []byte {
	type added struct {
		name  string
		index uint64
	}
	list := []added{
		{ExportBudget, d.globalIndex(globalBudget)},
		{ExportReserve, d.globalIndex(globalReserve)},
	}
	for i, g := range d.globals {
		if g.mutable {
			name := ExportGlobal + strconv.Itoa(i)
			list = append(list, added{name, uint64(i)}) // #nosec G115 -- an index
			d.info.MutableGlobals = append(d.info.MutableGlobals, name)
		}
	}
	b := appendUnsigned(nil, uint64(len(d.exports)+len(list))) // #nosec G115 -- a length
	for _, e := range d.exports {
		b = appendUnsigned(append(appendName(b, e.name), e.kind), uint64(e.index))
	}
	for _, a := range list {
		b = appendUnsigned(append(appendName(b, a.name), kindGlobal), a.index)
	}
	return b
}
