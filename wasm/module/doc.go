// Package module reads, judges and rewrites contract modules.
//
// In: the bytes of a WebAssembly module. Out: either a *Refusal that says in one
// sentence what the author must change, or the module rewritten so that every
// replica runs it alike: gas is counted, calls are bounded in depth, growth of
// memory is paid, NaN bits are canonical, and rem is free of an engine's bug.
//
// Gas is "lazy": each basic block subtracts its cost from one global where it
// begins, but the sign is tested only at function entries and at the heads of
// loops that are branched to. Between two tests at most one acyclic function
// body runs, whose size is bounded, so the overrun is bounded too.
//
// Everything here is pure: equal bytes give equal verdicts, equal rewritten
// bytes and equal gas on every machine. The checker does not type-check code;
// the engine validates the original module before it trusts the rewriting.
package module
