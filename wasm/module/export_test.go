package module

// InstrumentAny rewrites a module that need not be a contract: it may lack memory
// and exports. The specification's tests are such modules.
func InstrumentAny(code []byte) ([]byte, error) {
	d, refusal := decodeSections(code, 1<<16)
	if refusal != nil {
		return nil, refusal
	}
	if !d.hasMemory {
		d.hasMemory = true // the helpers need one; it holds nothing
	}
	section, refusal := d.rewriteCode()
	if refusal != nil {
		return nil, refusal
	}
	return d.assemble(section), nil
}
