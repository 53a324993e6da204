// Package quorum is the arithmetic of n = 3f + 2c + 1 replicas: how many are
// enough for what, and why (SBFT, arXiv 1804.01626, section on the model).
package quorum

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// ReplicasMax bounds n. Beyond it a bitmap and a block of shares grow unwieldy.
const ReplicasMax = 1000

// Config is a ledger's fault budget: f Byzantine replicas, and c more that may
// be slow or crashed while the fast path still works.
type Config struct{ F, C int }

// New checks the budget.
func New(f, c int) (Config, error) {
	q := Config{F: f, C: c}
	if f < 0 || c < 0 || f > ReplicasMax || c > ReplicasMax || q.N() > ReplicasMax {
		return Config{}, fmt.Errorf("f = %d and c = %d are out of range: n = 3f + 2c + 1 may be 1 to %d", f, c, ReplicasMax)
	}
	return q, nil
}

// N is the number of replicas.
func (q Config) N() int { return 3*q.F + 2*q.C + 1 }

// Fast is the number of shares of a fast commit certificate, σ: n - c.
func (q Config) Fast() int { return 3*q.F + q.C + 1 }

// Slow is the number of shares of a prepared and of a slow commit certificate,
// τ. Two of them share at least one honest replica.
func (q Config) Slow() int { return 2*q.F + q.C + 1 }

// Weak is the number that holds at least one honest replica, π.
func (q Config) Weak() int { return q.F + 1 }

// ViewChange is the exact number of view-change messages of a new view: n - f.
func (q Config) ViewChange() int { return 2*q.F + 2*q.C + 1 }

// Primary of a view: view mod n.
func (q Config) Primary(v ledger.View) ledger.ReplicaID {
	return ledger.ReplicaID(uint64(v) % uint64(q.N())) // #nosec G115 -- N is 1 to ReplicasMax
}

// String tells the budget in words.
func (q Config) String() string {
	return fmt.Sprintf("n=%d f=%d c=%d (fast %d, slow %d, weak %d)", q.N(), q.F, q.C, q.Fast(), q.Slow(), q.Weak())
}
