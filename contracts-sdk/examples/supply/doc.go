// Package supply tests the tracking of goods, which is written in Go (folder go) and in
// Rust (folder rust).
package supply
