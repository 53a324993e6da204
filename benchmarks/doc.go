// Package benchmarks measures each stage that a transaction passes, alone:
//
//	go test ./benchmarks -bench . -benchtime 200ms
//
// results.md holds figures of whole ledgers, and what these stages cost.
package benchmarks
