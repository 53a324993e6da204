package replica

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/retention"
)

// pruning tells the storage actor what may go.
func (r *instance) pruning() *storage.Pruning {
	p := &storage.Pruning{Below: r.prunable, Metrics: storage.NewMetrics(r.cfg.Registerer, r.store)}
	if policy := &r.cfg.Retention; policy.HoldsAny() {
		p.Holds = policy.Holds
	}
	return p
}

// behindWindows is how many windows of blocks below the stable checkpoint always stay.
// Whoever is up to eight windows behind fetches blocks, whoever is further behind a
// snapshot (transfer.DefaultParams); the ledger goes on while they do.
const behindWindows = 10

// behindKept is how many blocks below the stable checkpoint that is.
func (r *instance) behindKept() ledger.Height {
	return ledger.Height(max(behindWindows*r.genesis.Limits.Window, 320)) // #nosec G115 -- positive
}

// prunable is the height below which things may go now; 0: nothing may.
func (r *instance) prunable() (ledger.Height, error) {
	tip, _ := r.store.Tip()
	s := retention.Standing{Oldest: r.store.Oldest(), Tip: tip, Stable: ledger.Height(r.metrics.Stable.Load()),
		Behind: r.behindKept(), ValidityMax: ledger.Time(r.genesis.Limits.ValidityMax), Needed: r.takings.lowest()}
	if p := r.behind.Load(); p != nil && p.Serving > 0 && (s.Needed == 0 || p.Serving < s.Needed) {
		s.Needed = p.Serving
	}
	floor, err := retention.Floor(&r.cfg.Retention, s, r.records.timeOf)
	if err != nil || floor <= s.Oldest {
		return 0, err // and not the oldest block: older ones may be fetched before this is used
	}
	return floor, nil
}

func (r *records) timeOf(h ledger.Height) (ledger.Time, error) {
	header, err := r.header(h)
	if err != nil {
		return 0, err
	}
	return header.Time, nil
}

// wantsOlder reports whether the block below the base is one that the policy keeps. A
// replica that joined with a snapshot fetches no more of the past than that, and one that
// has pruned nothing at all.
func (r *instance) wantsOlder() bool {
	policy, base := &r.cfg.Retention, r.store.Base()
	tip, _ := r.store.Tip()
	switch {
	case base == 1 || r.store.Oldest() > base:
		return false
	case !policy.Prunes() || uint64(tip-base)+1 < policy.Blocks:
		return true
	case policy.Age == 0:
		return false
	}
	newest, err := r.records.timeOf(tip)
	if err != nil {
		return false
	}
	oldest, err := r.records.timeOf(base)
	return err == nil && newest-oldest <= policy.Age
}

// Pruned implements reads.Store.
func (l lookups) Pruned(err error) bool { return errors.Is(err, storage.ErrPruned) }

// carryHeld gives what is held in a store to the one that replaces it. If it cannot, the
// replica starts all the same: the ledger needs it more.
func (r *instance) carryHeld(dir, fresh string) {
	policy := &r.cfg.Retention
	var holds storage.Holds
	if policy.Prunes() && policy.HoldsAny() { // else the past is fetched again
		holds = policy.Holds
	}
	from, err := storage.Open(dir, r.storeOptions())
	if err == nil {
		defer func() { _ = from.Close() }() // it is removed
		err = r.carryInto(from, fresh, holds)
	}
	if err != nil && policy.HoldsAny() {
		r.cfg.Logger.Error("transactions on hold were lost with the store that a snapshot replaces; an archive has them", "error", err)
	}
}

func (r *instance) carryInto(from *storage.Store, fresh string, holds storage.Holds) error {
	to, err := storage.Open(fresh, r.storeOptions())
	if err != nil {
		return err
	}
	carried, damaged, err := storage.Carry(from, to, holds)
	if err = errors.Join(err, to.Close()); err != nil {
		return err
	}
	if damaged > 0 {
		return fmt.Errorf("%d blocks are damaged", damaged)
	}
	if carried > 0 {
		r.cfg.Logger.Info("transactions on hold move to the store that a snapshot brought", "blocks", carried)
	}
	return nil
}
