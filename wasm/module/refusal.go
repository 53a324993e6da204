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

// Refusal is the error about a module whose author must change it. Rule and Detail
// depend on the module's bytes alone, so all replicas refuse alike.
type Refusal struct {
	Rule   Rule
	Detail string // one sentence without the full stop
	Engine string // what the engine says of it: words of a library, which may change with it
}

// Error is the sentence, for the author.
func (r *Refusal) Error() string {
	if r.Engine != "" {
		return "the module is refused: " + r.Detail + ": " + r.Engine
	}
	return "the module is refused: " + r.Detail
}

// Agreed is the sentence for a result, which is the same on replicas of any version.
func (r *Refusal) Agreed() string {
	if r.Engine != "" {
		return "the module is refused: " + r.Detail + "; `concordat contract check` says where"
	}
	return "the module is refused: " + r.Detail
}

func refuse(rule Rule, format string, args ...any) *Refusal {
	return &Refusal{Rule: rule, Detail: fmt.Sprintf(format, args...)}
}
