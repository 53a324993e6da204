package replica

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/actors/storage/votelog"
	"github.com/concordat-ledger/concordat/ledger"
)

// damaged reports whether an error tells of a damaged store.
func damaged(err error) bool {
	var d interface{ Damaged() bool }
	return errors.As(err, &d) && d.Damaged()
}

// openStore opens the store. One that cannot be read is put aside: the replica begins
// with an empty one and fetches everything from the others.
func (r *instance) openStore() error {
	if err := r.replaceStore(); err != nil {
		return err
	}
	dir := filepath.Join(r.cfg.DataDir, storeDir)
	var err error
	if r.cfg.aside == "" {
		r.store, err = storage.Open(dir, r.storeOptions())
		if err == nil || !damaged(err) {
			return err
		}
		r.cfg.aside = err.Error()
	}
	if r.quorum.N() == 1 {
		return fmt.Errorf("the store %s is damaged, and there is no other replica to fetch it from (%s); put a copy of it there that is well", dir, r.cfg.aside)
	}
	kept, err := storage.PutAside(dir, r.cfg.FreeBytesMin, !r.cfg.Retention.Prunes())
	if err != nil {
		return err
	}
	r.cfg.Logger.Error("the store is damaged and was put aside; everything is fetched from the other replicas", "why", r.cfg.aside, "kept", kept)
	r.cfg.aside = ""
	r.store, err = storage.Open(dir, r.storeOptions())
	return err
}

// replaceStore puts an installed snapshot in the place of the store, unless the store
// has come further meanwhile and is well.
func (r *instance) replaceStore() error {
	dir, fresh := filepath.Join(r.cfg.DataDir, storeDir), filepath.Join(r.cfg.DataDir, freshDir)
	if _, err := os.Stat(fresh); err == nil {
		theirs, err := tipOf(fresh, r.storeOptions())
		var foreign *storage.ForeignError
		if err != nil && !damaged(err) && !errors.As(err, &foreign) {
			return err
		}
		if err != nil {
			r.cfg.Logger.Warn("an installed snapshot cannot be read and is removed", "error", err)
			if err := os.RemoveAll(fresh); err != nil {
				return err
			}
			return storage.Replace(dir, fresh)
		}
		if drop, err := r.outrun(dir, theirs); drop || err != nil {
			return errors.Join(err, os.RemoveAll(fresh))
		}
	}
	if err := storage.Replace(dir, fresh); err != nil {
		return fmt.Errorf("take over a snapshot: %w", err)
	}
	return nil
}

// outrun reports whether the store has come further than a snapshot and is well. One that
// is damaged is put aside.
func (r *instance) outrun(dir string, theirs ledger.Height) (bool, error) {
	if _, err := os.Stat(dir); err != nil {
		return false, nil
	}
	why := storage.WhyDamaged(dir)
	mine, err := tipOf(dir, r.storeOptions())
	switch {
	case err != nil && !damaged(err):
		return false, err
	case err == nil && why == "" && mine >= theirs:
		return true, nil
	case err != nil || mine > 0:
		r.carryHeld(dir, filepath.Join(r.cfg.DataDir, freshDir))
	}
	if err == nil && why == "" {
		return false, r.keepPast(dir, mine)
	}
	if err != nil {
		why = err.Error()
	}
	kept, err := storage.PutAside(dir, r.cfg.FreeBytesMin, !r.cfg.Retention.Prunes())
	if err == nil {
		r.cfg.Logger.Warn("a snapshot takes the place of the damaged store", "why", why, "kept", kept)
	}
	return false, err
}

// keepPast keeps the store that a snapshot replaces, if everything is to be kept: the others
// may have pruned blocks that this one has. An earlier one that is kept has more.
func (r *instance) keepPast(dir string, tip ledger.Height) error {
	before := filepath.Join(r.cfg.DataDir, beforeDir)
	if _, err := os.Stat(before); err == nil || tip == 0 || r.cfg.Retention.Prunes() {
		return nil
	}
	if err := os.Rename(dir, before); err != nil {
		return fmt.Errorf("keep the store that a snapshot replaces: %w", err)
	}
	r.cfg.Logger.Info("a snapshot takes the place of the store, which is kept until all older blocks are fetched and read through", "folder", before)
	return nil
}

// dropPast removes the store that a snapshot replaced once this one has all blocks, or need
// not.
func (r *instance) dropPast() {
	before := filepath.Join(r.cfg.DataDir, beforeDir)
	if _, err := os.Stat(before); err != nil || r.store.Oldest() > 1 && !r.cfg.Retention.Prunes() {
		return
	}
	if err := os.RemoveAll(before); err != nil {
		r.cfg.Logger.Warn("the store of before a snapshot cannot be removed", "folder", before, "error", err)
		return
	}
	r.cfg.Logger.Info("the store of before a snapshot is removed: the new one has all blocks", "folder", before)
}

// openVotes opens the vote log. One that is damaged is put aside, and the replica is on
// probation as if it had lost all of it: what it has signed is not known.
func (r *instance) openVotes() error {
	votes := filepath.Join(r.cfg.DataDir, votesDir)
	if err := r.openProbation(votes); err != nil {
		return err
	}
	var err error
	r.log, err = votelog.Open(votelog.OS{}, votes, votelog.Options{Ledger: r.id})
	var corrupt *votelog.Corrupt
	if !errors.As(err, &corrupt) {
		return err
	}
	if r.quorum.N() == 1 {
		return fmt.Errorf("%w; this ledger has no other replica that knows what was signed: put a copy of %s there that is well", err, votes)
	}
	r.cfg.Logger.Error("the vote log is damaged and was put aside", "why", err)
	if err := r.forgetVotes(votes); err != nil {
		return err
	}
	r.log, err = votelog.Open(votelog.OS{}, votes, votelog.Options{Ledger: r.id})
	return err
}

// forgetVotes puts the vote log aside. That it is lost is noted first.
func (r *instance) forgetVotes(votes string) error {
	if err := r.beginProbation(); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(r.cfg.DataDir, unusedFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_, err := storage.PutAside(votes, r.cfg.FreeBytesMin, false)
	return err
}
