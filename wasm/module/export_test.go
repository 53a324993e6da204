package module

// InstrumentAny rewrites a module that need not be a contract: it may lack memory
// and exports. The specification's tests are such modules.
func InstrumentAny(code []byte) ([]byte, error) { return instrumentAny(code, mode{}) }

// InstrumentForeign is InstrumentAny for modules that import functions of others.
func InstrumentForeign(code []byte) ([]byte, error) { return instrumentAny(code, mode{foreign: true}) }

// InstrumentAsWritten leaves out what guards against engines: rem and popcnt stay
// what they are, and so do the bits of NaNs.
func InstrumentAsWritten(code []byte) ([]byte, error) {
	return instrumentAny(code, mode{asWritten: true})
}

type mode struct{ foreign, asWritten bool }

func instrumentAny(code []byte, how mode) ([]byte, error) {
	d := &decoded{pagesMost: 1 << 16, anyImports: how.foreign, asWritten: how.asWritten}
	if refusal := d.sections(code); refusal != nil {
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
