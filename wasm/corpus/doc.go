// Package corpus proves that contracts run the same everywhere: a few hundred
// modules, hand-made, random, and of real compilers, are called, and what each
// call leaves (status, output, gas, all memory, writes) must be the line of
// testdata/expected.txt in machine code and in the interpreter, on every
// processor. The package has tests only.
//
// A line that changes is a change of the protocol: record it anew with -update,
// and commit the difference only if you can explain it.
package corpus
