// Package generate reads what a contract in Go declares, and writes the code that
// its author need not.
//
// In: the sources of a contract's package, as text: comments that begin with
// //concordat:, and plain structures. Out: the declarations, and the file
// concordat_gen.go with the byte form of each message and the list of methods.
// What cannot be declared is an Error with its file, its line and what to write
// instead. Nothing is compiled, so sources that lack the file can be read.
package generate

import "fmt"

// FileName is the file that is written beside the sources.
const FileName = "concordat_gen.go"

// SDK is the import path of the SDK for Go.
const SDK = "github.com/concordat-ledger/concordat/contracts-sdk/go"

// Error is something in the sources that cannot be declared.
type Error struct {
	Position string // file:line
	What     string // with what to write instead
}

// Error is the place and the sentence.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Position, e.What) }
