// Package claims tests the register of verifiable claims, which is written in Go
// (folder go) and in Rust (folder rust).
package claims
