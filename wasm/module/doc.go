// Package module reads, judges and rewrites contract modules.
//
// In: the bytes of a WebAssembly module. Out: either a *Refusal that says in one
// sentence what the author must change, or the module rewritten so that every
// replica runs it alike: gas is counted, calls are bounded in depth, growth of
// memory is paid, NaN bits are canonical where they can be seen, and what engines
// get wrong is written in other instructions.
//
// Gas is "lazy": each basic block subtracts its cost from one global where it
// begins, but the sign is tested only at the heads of loops that are branched to
// and in functions that are not small, or in a circle of calls. Between two tests
// a bounded cost is run up (checks.go).
//
// Everything here is pure: equal bytes give equal verdicts, equal rewritten
// bytes and equal gas on every machine. The checker does not type-check code;
// the engine validates the original module before it trusts the rewriting.
package module
