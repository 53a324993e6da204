// Package examples holds the example contracts, built. They are what the
// demonstration deploys; each is rebuilt and compared in the checks.
package examples

import _ "embed"

// TokenGo is the token written in Go, TokenRust the same written in Rust, and
// TokenSchema the schema that both carry.
var (
	//go:embed token/token-go.wasm
	TokenGo []byte
	//go:embed token/token-rust.wasm
	TokenRust []byte
	//go:embed token/schema.json
	TokenSchema []byte
)
