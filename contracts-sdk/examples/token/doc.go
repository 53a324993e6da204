// Package token tests the token contract, which is written in Go (folder go) and
// in Rust (folder rust) and behaves alike in both: behaviour.txt says how, and
// vectors.txt is the same for machines, with the state that each case leaves.
package token
