// Package scaffold starts a new contract: a folder with a small contract that is a
// real one, its tests, and all that it needs to be built without any network.
//
// In: a folder, a name, a language. Out: the files of templates/, with a copy of
// the SDK beside them. The copy comes from sdk.zip, for the SDK in Go is a module of
// its own, out of which nothing can be embedded; a test compares it with the
// sources, and CONCORDAT_UPDATE=1 writes it anew.
package scaffold
