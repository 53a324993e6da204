package module

import (
	"bytes"
	"strings"
)

// Section ids, in the order in which they must stand; data count is between
// element and code.
const (
	sectionCustom    = 0
	sectionType      = 1
	sectionImport    = 2
	sectionFunction  = 3
	sectionTable     = 4
	sectionMemory    = 5
	sectionGlobal    = 6
	sectionExport    = 7
	sectionStart     = 8
	sectionElement   = 9
	sectionCode      = 10
	sectionData      = 11
	sectionDataCount = 12
)

// Kinds of imports and exports.
const (
	kindFunction = 0
	kindTable    = 1
	kindMemory   = 2
	kindGlobal   = 3
)

var magic = []byte("\x00asm\x01\x00\x00\x00")

type funcType struct{ params, results []ValueType }

type global struct {
	kind    ValueType
	mutable bool
	init    []byte // constant expression with its end
}

type export struct {
	name  string
	kind  byte
	index uint32
}

// decoded is a module taken apart, as far as rewriting needs it. Slices point
// into the module's bytes.
type decoded struct {
	types     []funcType
	imported  []uint32 // type of each imported function
	imports   []byte   // section content, copied as it is
	functions []uint32 // type of each defined function
	table     []byte   // section content
	tableMin  uint32
	hasTable  bool
	pagesMin  uint32
	pagesMax  uint32
	pagesMost uint32 // that are allowed
	hasMemory bool
	globals   []global
	exports   []export
	elements  []byte
	bodies    [][]byte
	data      []byte
	info      Info

	helperTypes [helpers]uint32

	// Of tests alone.
	anyImports bool // functions of any module may be imported
	asWritten  bool // instructions that an engine gets wrong, and NaNs, stay as they are
}

// typeOf is the type of function index i, imported or defined.
func (d *decoded) typeOf(i uint32) (funcType, bool) {
	if int(i) < len(d.imported) {
		return d.types[d.imported[i]], true
	}
	i -= uint32(len(d.imported)) // #nosec G115 -- bounded
	if int(i) >= len(d.functions) {
		return funcType{}, false
	}
	return d.types[d.functions[i]], true
}

// position is a section's place in the order, 0 for one that is unknown.
func position(id byte) int {
	switch {
	case id == sectionDataCount:
		return 2*sectionElement + 1
	case id >= sectionType && id <= sectionData:
		return 2 * int(id)
	}
	return 0
}

// decode takes a contract's module apart.
func decode(code []byte) (*decoded, *Refusal) {
	d := &decoded{pagesMost: MemoryPagesMax}
	if refusal := d.sections(code); refusal != nil {
		return nil, refusal
	}
	return d, d.whole()
}

func (d *decoded) sections(code []byte) *Refusal {
	if len(code) > ModuleBytesMax {
		return refuse(RuleLimit, "it has %d bytes, at most %d are allowed", len(code), ModuleBytesMax)
	}
	if !bytes.HasPrefix(code, magic) {
		return refuse(RuleFormat, "it is no WebAssembly module of version 1 (the first eight bytes are not \\0asm 1)")
	}
	d.info.Bytes = len(code)
	r := &reader{b: code, pos: len(magic)}
	last, customs := 0, 0
	for !r.done() {
		id := r.byte()
		content := &reader{b: r.bytes(r.unsigned32())}
		if r.fail != nil {
			return r.fail
		}
		if id == sectionCustom {
			if customs++; customs > CustomSectionsMax {
				return refuse(RuleLimit, "it has more than %d custom sections", CustomSectionsMax)
			}
			d.custom(content)
		} else {
			place := position(id)
			if place == 0 {
				return refuse(RuleFeature, "it has a section of the unknown kind %d", id)
			}
			if place <= last {
				return refuse(RuleFormat, "section %d stands twice or out of order", id)
			}
			last = place
			d.section(id, content)
			if content.fail == nil && !content.done() {
				content.bad("section %d is longer than what it holds", id)
			}
		}
		if content.fail != nil {
			return content.fail
		}
	}
	return nil
}

func (d *decoded) section(id byte, r *reader) {
	switch id {
	case sectionType:
		d.readTypes(r)
	case sectionImport:
		d.readImports(r)
	case sectionFunction:
		d.readFunctions(r)
	case sectionTable:
		d.readTable(r)
	case sectionMemory:
		d.readMemory(r)
	case sectionGlobal:
		d.readGlobals(r)
	case sectionExport:
		d.readExports(r)
	case sectionStart:
		r.refuse(RuleStart, "it has a start function; export it as %s instead", ExportInitialize)
	case sectionElement:
		d.readElements(r)
	case sectionDataCount:
		r.unsigned32()
	case sectionCode:
		d.readCode(r)
	case sectionData:
		d.readData(r)
	}
}

// custom keeps the schema; every other custom section (names, debug, producers)
// is not part of what runs.
func (d *decoded) custom(r *reader) {
	name := r.name()
	if r.fail != nil || name != SchemaSection {
		return
	}
	rest := r.b[r.pos:]
	switch {
	case d.info.Schema != nil:
		r.refuse(RuleFormat, "it has two %s sections", SchemaSection)
	case len(rest) > SchemaBytesMax:
		r.refuse(RuleLimit, "its schema has %d bytes, at most %d are allowed", len(rest), SchemaBytesMax)
	default:
		d.info.Schema = bytes.Clone(rest)
	}
}

func (d *decoded) valueTypes(r *reader, what string, most int) []ValueType {
	list := r.bytes(uint32(r.count(what, most))) // #nosec G115 -- count is bounded
	for _, t := range list {
		d.valueType(r, t)
	}
	return list
}

func (d *decoded) valueType(r *reader, t ValueType) {
	switch t {
	case I32, I64, F32, F64:
	case 0x7b:
		r.refuse(RuleFeature, "it uses SIMD vectors, which are not offered")
	case 0x70, 0x6f:
		r.refuse(RuleFeature, "it uses references as values, which are not offered")
	default:
		r.bad("0x%02x is no type of a value", t)
	}
}

func (d *decoded) readTypes(r *reader) {
	n := r.count("types", TypesMax)
	for i := 0; i < n && r.fail == nil; i++ {
		if form := r.byte(); form != 0x60 {
			r.refuse(RuleFeature, "it has a type of the form 0x%02x, which is no function", form)
			return
		}
		params := d.valueTypes(r, "parameters in a function", ParamsMax)
		d.types = append(d.types, funcType{params, d.valueTypes(r, "results of a function", ResultsMax)})
	}
}

func (d *decoded) readImports(r *reader) {
	d.imports = r.b
	n := r.count("imports", ImportsMax)
	for i := 0; i < n && r.fail == nil; i++ {
		module, name, kind := r.name(), r.name(), r.byte()
		if r.fail != nil {
			return
		}
		full := module + "." + name
		d.info.Imports = append(d.info.Imports, full)
		if kind != kindFunction {
			r.refuse(RuleImport, "it imports %s, which is no function; only functions are offered", full)
			return
		}
		if d.anyImports {
			d.imported = append(d.imported, d.typeIndex(r))
			continue
		}
		offer, ok := findOffer(module, name)
		if !ok {
			from := module
			if from != WASI {
				from = ABI
			}
			r.refuse(RuleImport, "it imports %s, which is not offered; offered by %s are %s", full, from, offeredNames(from))
			return
		}
		t := d.typeIndex(r)
		if r.fail != nil {
			return
		}
		if has := d.types[t]; !bytes.Equal(has.params, offer.Params) || !bytes.Equal(has.results, offer.Results) {
			r.refuse(RuleImport, "it imports %s as %s, but that is %s", full,
				signature(has.params, has.results), signature(offer.Params, offer.Results))
		}
		d.imported = append(d.imported, t)
	}
}

func (d *decoded) typeIndex(r *reader) uint32 {
	t := r.unsigned32()
	if r.fail == nil && int(t) >= len(d.types) {
		r.bad("type %d is not there", t)
	}
	return t
}

func (d *decoded) readFunctions(r *reader) {
	n := r.count("functions", FunctionsMax)
	for i := 0; i < n && r.fail == nil; i++ {
		d.functions = append(d.functions, d.typeIndex(r))
	}
	d.info.Functions = n
}

func (d *decoded) readTable(r *reader) {
	d.table = r.b
	n := r.unsigned32()
	if n == 0 || r.fail != nil {
		d.table = nil
		return
	}
	kind := r.byte()
	if n > 1 || r.fail == nil && kind != 0x70 {
		r.refuse(RuleTable, "it has a second table or one of other things than functions; one table of functions is offered")
		return
	}
	var most uint32
	d.tableMin, most, d.hasTable = d.limits(r, false), TableEntriesMax, true
	if r.fail == nil && d.tableMin > most {
		r.refuse(RuleLimit, "its table has %d entries, at most %d are allowed", d.tableMin, most)
	}
}

// limits reads the limits of a table or memory. A memory's maximum is kept.
func (d *decoded) limits(r *reader, memory bool) (least uint32) {
	flags := r.byte()
	switch {
	case r.fail != nil:
		return 0
	case flags&2 != 0:
		r.refuse(RuleFeature, "it shares memory between threads; threads and atomics are not offered")
	case flags > 1:
		r.refuse(RuleFeature, "it has a memory or table of 64-bit addresses, which are not offered")
	}
	least = r.unsigned32()
	if flags == 1 {
		most := r.unsigned32()
		if r.fail == nil && most < least {
			r.bad("a maximum of %d is below the minimum of %d", most, least)
		}
		if memory {
			d.pagesMax = min(d.pagesMax, most)
		}
	}
	return least
}

func (d *decoded) readMemory(r *reader) {
	n := r.unsigned32()
	if n > 1 {
		r.refuse(RuleMemory, "it has %d memories, exactly one is offered", n)
		return
	}
	if n == 0 {
		return
	}
	d.hasMemory, d.pagesMax = true, d.pagesMost
	d.pagesMin = d.limits(r, true)
	if r.fail == nil && d.pagesMin > d.pagesMost {
		r.refuse(RuleMemory, "it starts with %d pages of memory, at most %d (16 MiB) are allowed", d.pagesMin, MemoryPagesMax)
	}
}

// constant reads a constant expression of the given type and returns its value
// for an i32.
func (d *decoded) constant(r *reader, kind ValueType) (value int32, expression []byte) {
	start := r.pos
	var has ValueType
	switch op := r.byte(); op {
	case opI32Const:
		value, has = int32(r.signed(32)), I32 // #nosec G115 -- 32 bits were asked for
	case opI64Const:
		r.signed(64)
		has = I64
	case opF32Const:
		r.bytes(4)
		has = F32
	case opF64Const:
		r.bytes(8)
		has = F64
	default:
		r.refuse(RuleFeature, "a constant is computed by instruction 0x%02x; only plain numbers are offered there", op)
		return 0, nil
	}
	if end := r.byte(); r.fail == nil && (end != opEnd || has != kind) {
		r.refuse(RuleFeature, "a constant is not one plain number of its type")
	}
	if r.fail != nil {
		return 0, nil
	}
	return value, r.b[start:r.pos]
}

func (d *decoded) readGlobals(r *reader) {
	n := r.count("globals", GlobalsMax)
	for i := 0; i < n && r.fail == nil; i++ {
		g := global{kind: r.byte()}
		d.valueType(r, g.kind)
		switch r.byte() {
		case 0:
		case 1:
			g.mutable = true
		default:
			r.bad("a global is neither constant nor variable")
		}
		if r.fail == nil {
			_, g.init = d.constant(r, g.kind)
			d.globals = append(d.globals, g)
		}
	}
}

func (d *decoded) readExports(r *reader) {
	n := r.count("exports", ExportsMax)
	for i := 0; i < n && r.fail == nil; i++ {
		e := export{name: r.name(), kind: r.byte(), index: r.unsigned32()}
		if r.fail == nil && strings.HasPrefix(e.name, ReservedPrefix) {
			r.refuse(RuleExport, "it exports %s; names that begin with %s are reserved", e.name, ReservedPrefix)
		}
		d.exports = append(d.exports, e)
		d.info.Exports = append(d.info.Exports, e.name)
	}
}

func (d *decoded) readElements(r *reader) {
	d.elements = r.b
	total := 0 // also where segments lie over each other: each entry is written
	n := r.count("element segments", DataSegmentsMax)
	for i := 0; i < n && r.fail == nil; i++ {
		flags := r.unsigned32()
		if flags != 0 && flags != 2 {
			r.refuse(RuleSegment, "element segment %d is passive, declared or of expressions; only active lists of functions are offered", i)
			return
		}
		if flags == 2 && r.unsigned32() != 0 {
			r.refuse(RuleTable, "element segment %d is for a second table", i)
			return
		}
		at, _ := d.constant(r, I32)
		if flags == 2 && r.byte() != 0 {
			r.refuse(RuleSegment, "element segment %d is not a list of functions", i)
			return
		}
		size := r.count("functions in a table", TableEntriesMax)
		if total += size; r.fail == nil && total > TableEntriesMax {
			r.refuse(RuleLimit, "its element segments have more than %d entries together", TableEntriesMax)
		}
		for j := 0; j < size && r.fail == nil; j++ {
			r.unsigned32()
		}
		// #nosec G115 -- addresses are unsigned, size is bounded by TableEntriesMax
		if r.fail == nil && (!d.hasTable || uint64(uint32(at))+uint64(size) > uint64(d.tableMin)) {
			r.refuse(RuleSegment, "element segment %d does not lie within the table", i)
		}
	}
}

func (d *decoded) readCode(r *reader) {
	n := r.count("function bodies", FunctionsMax)
	if r.fail == nil && n != len(d.functions) {
		r.bad("%d functions are declared but %d have a body", len(d.functions), n)
	}
	for i := 0; i < n && r.fail == nil; i++ {
		body := r.bytes(r.unsigned32())
		if len(body) > BodyBytesMax {
			r.refuse(RuleLimit, "function %d has %d bytes, at most %d are allowed", i+len(d.imported), len(body), BodyBytesMax)
			return
		}
		d.bodies = append(d.bodies, body)
		d.info.CodeBytes += len(body)
		d.info.BodyBytesLargest = max(d.info.BodyBytesLargest, len(body))
	}
}

func (d *decoded) readData(r *reader) {
	d.data = r.b
	n := r.count("data segments", DataSegmentsMax)
	d.info.DataSegments = n
	for i := 0; i < n && r.fail == nil; i++ {
		flags := r.unsigned32()
		if flags != 0 && flags != 2 {
			r.refuse(RuleSegment, "data segment %d is passive; only active ones are offered", i)
			return
		}
		if flags == 2 && r.unsigned32() != 0 {
			r.refuse(RuleMemory, "data segment %d is for a second memory", i)
			return
		}
		at, _ := d.constant(r, I32)
		size := r.unsigned32()
		r.bytes(size)
		// #nosec G115 -- addresses are unsigned
		if r.fail == nil && uint64(uint32(at))+uint64(size) > uint64(d.pagesMin)<<16 {
			r.refuse(RuleSegment, "data segment %d does not lie within the memory", i)
		}
	}
}
