// Package layout holds the detectors that keep the tree in its shape: who may
// import whom, through which door a library comes in, what a pure package may
// not touch, how long files and functions may be.
//
// A detector is a function from a Tree, which is parsed source, to findings. It
// does not care whether the tree came from the disk or from a test's archive, so
// each is tested against a small tree that breaks its rule: a detector that
// finds nothing there is broken. The tables of rules are in rules.go.
//
// It belongs to the tests; nothing of the product imports it.
package layout
