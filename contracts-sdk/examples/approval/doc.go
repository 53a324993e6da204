// Package approval tests decisions of several parties, which are written in Go (folder
// go) and in Rust (folder rust).
package approval
