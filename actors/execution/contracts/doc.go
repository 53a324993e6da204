// Package contracts runs contracts for the executor and for queries: it finds a
// contract's code in the state, keeps compiled modules, and is the State that a
// call sees.
//
// In: calls with the state they run on. Out: outcomes and events; changes go to
// the Store that was given, and are rolled back when a call does not succeed.
// Kept: compiled modules, which are a function of their bytes.
package contracts
