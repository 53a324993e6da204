// Package asset tests the asset register, which is written in Go (folder go) and in
// Rust (folder rust).
package asset
