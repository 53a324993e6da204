// Package gateway is the client node: an organisation's gate for its
// applications.
//
// In: requests of applications over the service (submit, status, lookup, query),
// answers of replicas. Out: transactions to the primary, in batches; replies to
// applications. Kept: who waits for what. Durable: nothing; an application that
// hears nothing asks again with the same command id. Every receipt is verified
// before it is passed on.
package gateway
