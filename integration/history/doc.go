// Package history records what concurrent clients asked of a ledger and what they
// were told, and judges it afterwards.
//
// Three claims are checked, each by code that shares nothing with the product:
//
//   - Linearizable: transactions (swaps, additions, reads that are ordered like any
//     other) have an order that agrees with their results and with real time.
//     Porcupine searches for one; it is not told the ledger's own.
//   - In order: the heights and indices that receipts name are such an order.
//   - Session-consistent: a query is one replica's word on one height. It is not
//     linearizable and nothing here claims it. What is claimed: its height is not
//     below that of any receipt its client node gave out before, and its value is
//     the one at that height.
//
// An operation whose outcome was never learnt may take effect at any time after it
// was asked for, or never; it returns at infinity.
package history
