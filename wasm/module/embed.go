package module

// Embed puts a schema into a module's custom section, in place of an older one.
// The error is a *Refusal when code is no module.
func Embed(code, schema []byte) ([]byte, error) {
	if _, refusal := decode(code); refusal != nil && refusal.Rule == RuleFormat {
		return nil, refusal
	}
	out := append(make([]byte, 0, len(code)+len(schema)+32), magic...)
	r := &reader{b: code, pos: len(magic)}
	for !r.done() {
		id := r.byte()
		content := r.bytes(r.unsigned32())
		if r.fail != nil {
			return nil, r.fail
		}
		if id == sectionCustom {
			if name := (&reader{b: content}).name(); name == SchemaSection {
				continue
			}
		}
		out = appendSection(out, id, content)
	}
	return appendSection(out, sectionCustom, append(appendName(nil, SchemaSection), schema...)), nil
}
