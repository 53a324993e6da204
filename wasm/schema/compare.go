package schema

import (
	"fmt"
	"slices"
)

// Difference is what users of a contract notice when its schema becomes another.
type Difference struct {
	Breaks bool   // what worked before no longer does
	Text   string // a sentence's words, such as "method burn is gone"
}

// Compare says what the users of a contract notice when the schema old becomes the new
// one. Messages are read strictly: a field that is unknown to the reader is refused, so a
// field that is added breaks those who read it by the old schema.
func Compare(old, now *Schema) []Difference {
	d := &differences{}
	for i := range old.Methods {
		m := &old.Methods[i]
		n, err := now.Method(m.Name)
		switch {
		case err != nil && (m.Name == "init" || m.Name == "migrate"):
			d.note("method %s is gone, which nobody can call on a running contract", m.Name)
			continue
		case err != nil:
			d.breaks("method %s is gone", m.Name)
			continue
		case m.Query && !n.Query:
			d.breaks("method %s changes the state now; those who ask without a transaction are refused", m.Name)
		case !m.Query && n.Query:
			d.breaks("method %s is a query now; it may write no longer", m.Name)
		}
		if m.Name == "init" || m.Name == "migrate" {
			continue
		}
		d.arguments("method "+m.Name, m.In, n.In)
		d.told("what method "+m.Name+" returns", m.Out, n.Out)
	}
	for i := range now.Methods {
		if _, err := old.Method(now.Methods[i].Name); err != nil {
			d.note("method %s is new", now.Methods[i].Name)
		}
	}
	d.types(old, now)
	d.events(old.Events, now.Events)
	d.errors(old, now)
	return d.list
}

type differences struct{ list []Difference }

func (d *differences) breaks(format string, args ...any) {
	found := Difference{true, fmt.Sprintf(format, args...)}
	if !slices.Contains(d.list, found) { // a type that is taken and told
		d.list = append(d.list, found)
	}
}

func (d *differences) note(format string, args ...any) {
	d.list = append(d.list, Difference{false, fmt.Sprintf(format, args...)})
}

func named(fields []Field, name string) *Field {
	for i := range fields {
		if fields[i].Name == name {
			return &fields[i]
		}
	}
	return nil
}

// same reports what changed of the fields that both have, and those that are gone.
func (d *differences) same(of string, old, now []Field, gone string) {
	for i := range old {
		f := &old[i]
		n := named(now, f.Name)
		switch {
		case n == nil:
			d.breaks("field %s of %s is gone; %s", f.Name, of, gone)
		case n.Tag != f.Tag:
			d.breaks("field %s of %s has tag %d now, not %d", f.Name, of, n.Tag, f.Tag)
		case n.Type != f.Type || n.Repeated != f.Repeated:
			d.breaks("field %s of %s is %s now, not %s", f.Name, of, kind(n), kind(f))
		}
	}
}

func kind(f *Field) string {
	if f.Repeated {
		return "a list of " + string(f.Type)
	}
	return string(f.Type)
}

// types compares the contract's own types: what calls hold by the rule of arguments, and
// what is told by that of outputs.
func (d *differences) types(old, now *Schema) {
	taken, told := map[string]bool{}, map[string]bool{}
	for i := range old.Methods {
		if m := &old.Methods[i]; m.Name != "init" && m.Name != "migrate" {
			old.used(taken, m.In)
			old.used(told, m.Out)
		}
	}
	for i := range old.Events {
		old.used(told, old.Events[i].Fields)
	}
	for i := range old.Types {
		t := &old.Types[i]
		n := now.Struct(Type(t.Name))
		if n == nil {
			continue // whatever used it has another type now, which is told there
		}
		if taken[t.Name] {
			d.arguments("type "+t.Name, t.Fields, n.Fields)
		}
		if told[t.Name] {
			d.told("type "+t.Name, t.Fields, n.Fields)
		}
	}
}

// used adds the schema's own types that fields hold, in each other too.
func (s *Schema) used(names map[string]bool, fields []Field) {
	for i := range fields {
		t := s.Struct(fields[i].Type)
		if t != nil && !names[t.Name] {
			names[t.Name] = true
			s.used(names, t.Fields)
		}
	}
}

func (d *differences) arguments(of string, old, now []Field) {
	d.same(of, old, now, "calls that give it are refused")
	for i := range now {
		f := &now[i]
		was := named(old, f.Name)
		switch {
		case was == nil && !f.Optional:
			d.breaks("%s needs %s now; calls made for the old module leave it empty", of, f.Name)
		case was == nil:
			d.note("%s takes %s now", of, f.Name)
		case was.Optional && !f.Optional:
			d.breaks("%s needs %s now, which could be left out", of, f.Name)
		}
	}
}

// told compares what contracts tell: outputs and events.
func (d *differences) told(of string, old, now []Field) {
	d.same(of, old, now, "its readers find it empty")
	for i := range now {
		if named(old, now[i].Name) == nil {
			d.breaks("%s has the field %s now, which readers of the old schema refuse", of, now[i].Name)
		}
	}
}

func (d *differences) events(old, now []Event) {
	find := func(list []Event, topic string) *Event {
		for i := range list {
			if list[i].Topic == topic {
				return &list[i]
			}
		}
		return nil
	}
	for i := range old {
		if n := find(now, old[i].Topic); n != nil {
			d.told("event "+n.Topic, old[i].Fields, n.Fields)
		} else {
			d.breaks("event %s is gone", old[i].Topic)
		}
	}
	for i := range now {
		if find(old, now[i].Topic) == nil {
			d.note("event %s is new", now[i].Topic)
		}
	}
}

func (d *differences) errors(old, now *Schema) {
	for _, e := range old.Errors {
		if name, _ := now.ErrorName(e.Code); name == "" {
			d.note("error %d %s is gone", e.Code, e.Name)
		} else if name != e.Name {
			d.breaks("error %d is %s now, not %s", e.Code, name, e.Name)
		}
	}
	for _, e := range now.Errors {
		if name, _ := old.ErrorName(e.Code); name == "" {
			d.note("error %d %s is new", e.Code, e.Name)
		}
	}
}
