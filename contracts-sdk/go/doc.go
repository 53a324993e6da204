// Package concordat is for writing contracts in Go.
//
// A contract is a set of functions, declared where they are written:
//
//	// transfer moves units of the caller to another party.
//	//
//	//concordat:method
//	func transfer(c *concordat.Context, in *TransferIn) (*concordat.Nothing, error) { … }
//
//	func main() {}
//
// `concordat contract build` writes the rest to concordat_gen.go: the byte form of
// TransferIn, a plain struct, and the registration. By hand it is
//
//	func init() { concordat.Register(concordat.Method("transfer", transfer)) }
//
// Built with GOOS=wasip1 it imports the ledger's functions; built for any other
// system it runs on the ledger in memory of package ledgertest, so that go test
// needs no node.
//
// A call starts from the same memory each time: package variables that a method
// changes are back at what init made them when the next call begins. What must
// last goes into the state. A method that returns an error, or panics, changes
// nothing.
//
// Nothing here uses reflection or fmt, which keeps modules small and calls cheap.
package concordat
