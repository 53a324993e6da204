package simulator

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// cpu is what this process has used, in seconds.
func cpu() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Sec+u.Stime.Sec) + float64(u.Utime.Usec+u.Stime.Usec)/1e6
}

// Messages a committed slot grow linearly with n: what is said to all is said by one,
// and what is said by all is said to a few.
func TestMessagesPerSlotGrowLinearly(t *testing.T) {
	if testing.Short() {
		t.Skip("100 replicas")
	}
	per := map[int]float64{}
	for _, f := range []int{1, 3, 10, 20, 33} {
		before := cpu()
		r := Run(1, Options{Calm: true, Slots: 100, Quorums: []quorum.Config{{F: f}}})
		require.NoError(t, r.Err)
		n := 3*f + 1
		slots := float64(r.Slots)
		per[n] = float64(r.Messages) / slots / float64(n)
		fmt.Printf("| %d | %.0f | %.1f | %.1f | %.1f | %.1f |\n", n, float64(r.Messages)/slots, per[n], float64(r.Statuses)/slots,
			float64(r.Steps)/slots/float64(n), (cpu()-before)*1e6/slots/float64(n))
	}
	require.Less(t, per[100], 2*per[4], "messages a slot and replica do not grow with n")
}

// Whole runs with the product's own signatures: faults and liars at small n, and calm
// ones up to n = 31 with threshold signatures.
func TestRealSignatures(t *testing.T) {
	runs := 4
	if os.Getenv("CONCORDAT_LONG") != "" {
		runs = 100
	}
	if testing.Short() {
		runs = 1
	}
	for seed := range uint64(runs) {
		r := Run(seed+1, Options{Slots: 40, Real: certificate.SchemeEd25519, Quorums: []quorum.Config{{F: 1}, {F: 1, C: 1}}})
		require.NoError(t, r.Err, r.Plan)
	}
	if testing.Short() {
		return
	}
	for _, f := range []int{1, 3, 10} {
		before := cpu()
		r := Run(1, Options{Calm: true, Slots: 10, Real: certificate.SchemeBLS, Quorums: []quorum.Config{{F: f}}})
		require.NoError(t, r.Err)
		fmt.Printf("threshold signatures, n = %d: %d slots, %.2f ms of CPU a slot and replica\n", 3*f+1, r.Slots, (cpu()-before)*1e3/float64(r.Slots)/float64(3*f+1))
	}
}
