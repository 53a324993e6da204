// Package escrow tests delivery against payment, which is written in Go (folder go)
// and in Rust (folder rust).
package escrow
