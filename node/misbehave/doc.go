// Package misbehave makes a replica lie. It is empty but for the build tag
// misbehave: `go build -tags misbehave ./node` gives a program whose command
// `replica run` knows --misbehave and --clock-offset; no other program does, and a
// test holds that.
//
// A liar is an honest replica with an attack between it and its links, and with its
// own keys: what it says to each peer can be left out, changed, signed anew, delayed
// or repeated. What it cannot do from there is forget what its vote log and ballot
// keep, or believe something false; those attacks are made in the simulator.
package misbehave
