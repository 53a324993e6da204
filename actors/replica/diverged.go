package replica

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// A replica whose outcome is not the one that f + 1 replicas certify has computed something
// else, or from something else. It signs nothing any more and answers nothing about
// what it has computed, fetches the certified state, says where its own begins to
// differ, and starts again with the other one.

// divergedMark begins the mark of a store whose state is not the certified one, so that a
// start in between changes nothing.
const divergedMark = "its state differs from what the others certify"

// divergenceFile tells the operator where the last one was.
const divergenceFile = "divergence.txt"

// diverged is called once.
func (r *instance) diverged(h ledger.Height, why string) {
	r.mender.giveUp(fmt.Sprintf("%s, at block %d at the latest: %s", divergedMark, h, why))
}

// stillDiverged tells at a start that the store has not been replaced yet.
func (r *instance) stillDiverged() bool { return strings.HasPrefix(r.mender.givenUp(), divergedMark) }

// compareStates says where the own state begins to differ from the certified one.
func (r *instance) compareStates(in *catchup.Snapshot) {
	if r.metrics == nil || r.metrics.Divergent.Load() == 0 {
		return
	}
	at := in.Manifest.Header.Height
	d, err := r.store.FirstDifference(at, in.Records)
	switch {
	case err != nil:
		r.cfg.Logger.Warn("the own state cannot be compared with the certified one", "height", at, "error", err)
		return
	case d == nil:
		r.cfg.Logger.Warn("the own state is the certified one after all", "height", at)
		return
	}
	r.cfg.Logger.Error("the state of this replica differs from the certified one", "height", at, "difference", d.String())
	r.keepDifference(at, d)
}

func (r *instance) keepDifference(at ledger.Height, d *storage.Difference) {
	text := fmt.Sprintf("block %d: %s\n", at, d)
	if err := renameio.WriteFile(filepath.Join(r.cfg.DataDir, divergenceFile), []byte(text), 0o600); err != nil {
		r.cfg.Logger.Warn("where the states differ cannot be kept", "error", err)
	}
}

// pastDivergence is as of which block compareStates saw a difference; "": there was none.
// Everybody may know that, but not everybody the record, which stands in the file.
func pastDivergence(dataDir string) string {
	raw, err := os.ReadFile(filepath.Join(dataDir, divergenceFile)) // #nosec G304 -- our folder
	if err != nil {
		return ""
	}
	block, _, _ := strings.Cut(strings.TrimSpace(string(raw)), ":")
	return block
}
