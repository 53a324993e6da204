// Package control lets the operator of a replica, on its own machine, ask it for what no
// other member may have as easily: a Unix socket in its folder that only its owner may use.
//
// A connection carries one line, the verb: "snapshot 1" asks for the pieces of the newest
// certified snapshot, "backup 1" for the same and the blocks since. The answer is a
// sequence of pieces, each with its name, and an end or an error in words. One is served
// at a time, and none for longer than an hour: what it reads is held in the store meanwhile.
package control
