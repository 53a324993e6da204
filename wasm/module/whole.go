package module

import "bytes"

// whole checks what concerns more than one section: the memory, the exports
// that the interface asks for.
func (d *decoded) whole() *Refusal {
	if !d.hasMemory {
		return refuse(RuleMemory, "it has no memory; exactly one is needed, exported as %s", ExportMemory)
	}
	d.info.MemoryPagesMin, d.info.MemoryPagesMax = d.pagesMin, d.pagesMax
	var memory, call bool
	for _, e := range d.exports {
		var bad *Refusal
		switch e.name {
		case ExportMemory:
			memory = e.kind == kindMemory
		case ExportCall:
			call = true
			bad = d.entry(e, I32)
		case ExportInitialize:
			d.info.Initialize = true
			bad = d.entry(e)
		case ExportWarm:
			d.info.Warm = true
			bad = d.entry(e)
		case ExportMarker:
			d.info.Marker = e.kind == kindFunction || e.kind == kindGlobal
		case ExportReentrant:
			d.info.Reentrant = e.kind == kindFunction || e.kind == kindGlobal
		}
		if bad != nil {
			return bad
		}
	}
	switch {
	case !memory:
		return refuse(RuleExport, "it does not export its memory as %s", ExportMemory)
	case !call:
		return refuse(RuleExport, "it does not export the function %s, which runs a method", ExportCall)
	case !d.info.Marker:
		return refuse(RuleExport, "it does not export %s, the mark of the interface it was written for", ExportMarker)
	}
	return nil
}

// entry checks that an export is a function without parameters.
func (d *decoded) entry(e export, results ...ValueType) *Refusal {
	if e.kind == kindFunction {
		if t, ok := d.typeOf(e.index); ok && len(t.params) == 0 && bytes.Equal(t.results, results) {
			return nil
		}
	}
	return refuse(RuleExport, "its export %s is not a function %s", e.name, signature(nil, results))
}
