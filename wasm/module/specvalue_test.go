package module_test

import (
	"math"
	"strconv"
	"strings"
)

type specCommand struct {
	Type     string `json:"type"`
	Line     int    `json:"line"`
	Name     string `json:"name"`
	As       string `json:"as"`
	Filename string `json:"filename"`
	Form     string `json:"module_type"`
	Text     string `json:"text"`
	Action   struct {
		Type   string      `json:"type"`
		Module string      `json:"module"`
		Field  string      `json:"field"`
		Args   []specValue `json:"args"`
	} `json:"action"`
	Expected []specValue `json:"expected"`
}

type specValue struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// met tells whether an outcome is the one that the specification wants. The bits of
// a NaN are only fixed by the rewriting.
func (c *specCommand) met(out []uint64, err error, rewritten bool) bool {
	switch c.Type {
	case "assert_trap":
		return err != nil && strings.Contains(err.Error(), trapWord(c.Text))
	case "assert_exhaustion":
		return err != nil
	}
	if err != nil {
		return false
	}
	for i, want := range c.Expected {
		if i >= len(out) || !want.is(out[i]) && (rewritten || !want.isNaN()) {
			return false
		}
	}
	return true
}

// trapWord is the engine's word for a trap of the specification.
func trapWord(text string) string {
	switch {
	case strings.HasPrefix(text, "uninitialized"), strings.HasPrefix(text, "undefined"), text == "out of bounds table access":
		return "invalid table access"
	case text == "indirect call":
		return "indirect call type mismatch"
	}
	return text
}

func (v specValue) bits() (uint64, bool) {
	text, ok := v.Value.(string)
	if !ok || strings.HasPrefix(v.Type, "extern") || strings.HasPrefix(v.Type, "func") || v.Type == "v128" {
		return 0, false
	}
	if strings.HasPrefix(text, "nan") {
		return math.Float64bits(math.NaN()), v.Type == "f64"
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil
}

func (v specValue) isNaN() bool {
	text, ok := v.Value.(string)
	return ok && strings.HasPrefix(text, "nan")
}

// is compares bits; any NaN that the specification allows must be the canonical.
func (v specValue) is(have uint64) bool {
	text, ok := v.Value.(string)
	if !ok {
		return true // references and vectors are not passed
	}
	if strings.HasPrefix(text, "nan") {
		if v.Type == "f32" {
			return uint32(have)&0x7fffffff == 0x7fc00000
		}
		return have&0x7fffffffffffffff == 0x7ff8000000000000
	}
	want, ok := v.bits()
	if v.Type == "i32" || v.Type == "f32" {
		return !ok || uint32(want) == uint32(have)
	}
	return !ok || want == have
}
