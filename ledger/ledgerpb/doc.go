// Package ledgerpb is the generated code of what parties sign and what clients
// are given.
package ledgerpb
