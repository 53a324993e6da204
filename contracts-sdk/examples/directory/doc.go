// Package directory tests the directory of public keys, which is written in Go (folder
// go) and in Rust (folder rust).
package directory
