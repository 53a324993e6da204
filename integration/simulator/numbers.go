package simulator

import "github.com/concordat-ledger/concordat/ledger"

// The numbers of a run are small; these say so in one place.

func number[T ~uint64](v T) int { return int(v) } // #nosec G115 -- a run has some hundred slots; what liars claim is compared only

func replicaID(i int) ledger.ReplicaID { return ledger.ReplicaID(i) } // #nosec G115 -- below n
