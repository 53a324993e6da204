package module

// Custom takes the custom sections of a name out of a module. content is what they
// hold together, nil when there is none. The error is a *Refusal when code is no
// module.
func Custom(code []byte, name string) (content, rest []byte, err error) {
	if _, refusal := decode(code); refusal != nil && refusal.Rule == RuleFormat {
		return nil, nil, refusal
	}
	rest = append(make([]byte, 0, len(code)), magic...)
	r := &reader{b: code, pos: len(magic)}
	for !r.done() {
		id := r.byte()
		section := r.bytes(r.unsigned32())
		if r.fail != nil {
			return nil, nil, r.fail
		}
		inside := &reader{b: section}
		if id == sectionCustom && inside.name() == name {
			content = append(content, section[inside.pos:]...)
			continue
		}
		rest = appendSection(rest, id, section)
	}
	return content, rest, nil
}

// Section is a part of a module.
type Section struct {
	Name  string // of a custom section; what it holds, of others
	Bytes int
}

var sectionNames = []string{"custom", "types", "imports", "functions", "tables", "memory", "globals", "exports", "start", "elements", "code", "data", "data count"}

// Sections lists the parts of a module in their order. The error is a *Refusal when
// code is no module.
func Sections(code []byte) ([]Section, error) {
	if _, refusal := decode(code); refusal != nil && refusal.Rule == RuleFormat {
		return nil, refusal
	}
	var out []Section
	r := &reader{b: code, pos: len(magic)}
	for !r.done() {
		id := r.byte()
		content := r.bytes(r.unsigned32())
		if r.fail != nil {
			return nil, r.fail
		}
		name := "unknown"
		if int(id) < len(sectionNames) {
			name = sectionNames[id]
		}
		if id == sectionCustom {
			name = (&reader{b: content}).name()
		}
		out = append(out, Section{name, len(content)})
	}
	return out, nil
}
