package replica

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/google/renameio/v2"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/evidence"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// evidenceMax bounds the proofs that are kept: one is enough to convict, and a liar
// must not fill the disk. evidenceShown is how many a status carries.
const (
	evidenceMax   = 64
	evidenceShown = 16
)

// evidenceFolder keeps proofs as files of their exact bytes, oldest first by name.
// It is safe for concurrent use.
type evidenceFolder struct {
	dir string
	mu  sync.Mutex
	all []*evidence.Equivocation
}

func openEvidence(dir string, log *slog.Logger) (*evidenceFolder, error) {
	f := &evidenceFolder{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for evidence: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the evidence: %w", err)
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".evidence" || len(f.all) >= evidenceMax {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name())) // #nosec G304 -- our own folder
		if err != nil {
			return nil, fmt.Errorf("read the evidence: %w", err)
		}
		proof, err := evidence.Parse(raw)
		if err != nil {
			// It proves nothing any more; what it was is for people to find out.
			path := filepath.Join(dir, e.Name())
			log.Warn("a proof is damaged and is put aside", "file", path+storage.DamagedSuffix, "error", err)
			if err := os.Rename(path, path+storage.DamagedSuffix); err != nil {
				return nil, fmt.Errorf("put a damaged proof aside: %w", err)
			}
			continue
		}
		f.all = append(f.all, proof)
	}
	return f, nil
}

// keep writes a proof unless there is one for the slot already, or enough.
func (f *evidenceFolder) keep(e *evidence.Equivocation) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	same := func(o *evidence.Equivocation) bool { return o.Epoch == e.Epoch && o.View == e.View && o.Seq == e.Seq }
	if len(f.all) >= evidenceMax || slices.ContainsFunc(f.all, same) {
		return nil
	}
	name := fmt.Sprintf("%04d-%s.evidence", len(f.all), e.ID().Short())
	if err := renameio.WriteFile(filepath.Join(f.dir, name), e.Marshal(), 0o600); err != nil {
		return errors.Join(fmt.Errorf("keep evidence of slot %d", e.Seq), err)
	}
	f.all = append(f.all, e)
	return nil
}

func (f *evidenceFolder) list(most int) [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out [][]byte
	for _, e := range f.all[:min(most, len(f.all))] {
		out = append(out, e.Marshal())
	}
	return out
}

// culprits names the replicas that the proofs are against.
func (f *evidenceFolder) culprits(q quorum.Config) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []ledger.ReplicaID
	for _, e := range f.all {
		ids = append(ids, e.Culprit(q))
	}
	slices.Sort(ids)
	var names []string
	for _, id := range slices.Compact(ids) {
		names = append(names, id.String())
	}
	return strings.Join(names, ", ")
}
