package replica

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/concordat-ledger/concordat/actors/consensus"
	"github.com/concordat-ledger/concordat/ledger"
)

// Files in the data folder that tell a replica that never voted from one that has lost
// its votes.
const (
	unusedFile    = "unused"    // made with the folder: its keys have signed nothing yet
	probationFile = "probation" // the votes are lost; the slot from which on it votes again
)

// probationUnknown stands for a probation of which it is not known yet how long it is.
const probationUnknown = math.MaxUint64

// MarkUnused says that the keys of a new replica have never signed anything. Without
// the mark a replica that starts without votes takes them for lost.
func MarkUnused(dataDir string) error {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	return renameio.WriteFile(filepath.Join(dataDir, unusedFile), []byte("the keys of this replica have signed nothing yet\n"), 0o600)
}

// probation decides whether this replica has lost its votes. It is called before the vote
// log is opened for the first time.
func (r *instance) openProbation(votes string) error {
	path := filepath.Join(r.cfg.DataDir, probationFile)
	raw, err := os.ReadFile(path) // #nosec G304 -- our folder
	switch {
	case err == nil:
		until, err := strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 64)
		if err != nil {
			r.cfg.Logger.Warn("until when this replica does not vote cannot be read, and is asked of the others again", "file", path, "error", err)
			return r.beginProbation()
		}
		r.onProbation(path, ledger.Seq(until))
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the probation: %w", err)
	}
	_, voted := os.Stat(votes)
	_, unused := os.Stat(filepath.Join(r.cfg.DataDir, unusedFile))
	if voted == nil || unused == nil || r.quorum.N() == 1 {
		return nil
	}
	return r.beginProbation()
}

// beginProbation notes that the votes are lost.
func (r *instance) beginProbation() error {
	path := filepath.Join(r.cfg.DataDir, probationFile)
	if err := renameio.WriteFile(path, []byte("0\n"), 0o600); err != nil {
		return fmt.Errorf("note the probation: %w", err)
	}
	r.cfg.Logger.Warn("this replica has no record of its votes: it follows, and votes again when every slot is settled for which it can have voted")
	r.onProbation(path, 0)
	return nil
}

func (r *instance) onProbation(path string, until ledger.Seq) {
	r.silent.Store(uint64(until))
	if until == 0 {
		r.silent.Store(probationUnknown)
	}
	r.probation = &consensus.Probation{Until: until,
		Save: func(until ledger.Seq) error {
			r.silent.Store(uint64(until))
			return renameio.WriteFile(path, fmt.Appendf(nil, "%d\n", until), 0o600)
		},
		End: func() error {
			r.silent.Store(0)
			return os.Remove(path)
		}}
}

// started removes the mark of a replica that was never started: from now on its votes
// count.
func (r *instance) started() error {
	err := os.Remove(filepath.Join(r.cfg.DataDir, unusedFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("take the mark of an unused replica away: %w", err)
	}
	d, err := os.Open(r.cfg.DataDir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
