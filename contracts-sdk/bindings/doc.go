// Package bindings writes typed clients of a contract from its schema.
//
// In: a schema. Out: a file in Go, whose client signs, submits, verifies and asks
// through bus/client; or one in TypeScript, with the types, queries over any NATS
// client in JSON, and transactions as arguments of the command line, which signs
// them: nothing in TypeScript signs a transaction yet.
package bindings
