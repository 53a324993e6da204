// Package testengine runs a compiled contract for the test kits of the SDKs, so that
// the same tests run natively and on the module that will be deployed.
//
// In: calls with the whole state, as messages of protocol.json on a stream. Out:
// how each ended, with what it changed and told, and the gas that it used. The
// state stays with the test kit; a call is judged by the real engine.
package testengine
