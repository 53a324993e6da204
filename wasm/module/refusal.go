package module

import "fmt"

// Rule names the rule that a module breaks. Rules are stable words for programs;
// Detail is the sentence for people.
type Rule string

// The rules.
const (
	RuleFormat     Rule = "format"     // the bytes are no WebAssembly 1.0 module
	RuleValid      Rule = "valid"      // the code does not validate
	RuleImport     Rule = "import"     // imports what is not offered
	RuleExport     Rule = "export"     // lacks an export, or uses a reserved name
	RuleMemory     Rule = "memory"     // not exactly one memory within the limit
	RuleTable      Rule = "table"      // more than one table, or another element type
	RuleStart      Rule = "start"      // has a start section
	RuleSegment    Rule = "segment"    // passive, or outside of memory or table
	RuleFeature    Rule = "feature"    // uses an instruction or type that is not offered
	RuleLimit      Rule = "limit"      // larger than a structural limit
	RuleBudget     Rule = "budget"     // would take too long to compile
	RuleInitialise Rule = "initialise" // _initialize or warm traps or never ends
)

// Refusal is the error about a module whose author must change it. It depends on
// the module's bytes alone, so all replicas refuse alike.
type Refusal struct {
	Rule   Rule
	Detail string // one sentence without the full stop
}

// Error is the sentence.
func (r *Refusal) Error() string { return "the module is refused: " + r.Detail }

func refuse(rule Rule, format string, args ...any) *Refusal {
	return &Refusal{Rule: rule, Detail: fmt.Sprintf(format, args...)}
}
