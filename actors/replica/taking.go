package replica

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/actors/storage/votelog"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// ErrNoCheckpoint means that there is nothing yet of which a snapshot could be taken.
var ErrNoCheckpoint = errors.New("no checkpoint is certified yet")

// Taking is a snapshot of a replica's newest certified checkpoint on its way to a file.
type Taking struct {
	*catchup.Source
	r    *instance
	over sync.Once
}

// Close lets go of the state, and lets the blocks above be pruned.
func (t *Taking) Close() (err error) {
	t.over.Do(func() {
		err = t.Source.Close()
		t.r.takings.remove(t.Height)
	})
	return err
}

// heights are counted. The zero value is empty, and safe for concurrent use.
type heights struct {
	mu   sync.Mutex
	held map[ledger.Height]int
}

func (c *heights) add(h ledger.Height) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = map[ledger.Height]int{}
	}
	c.held[h]++
}

func (c *heights) remove(h ledger.Height) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[h]--; c.held[h] <= 0 {
		delete(c.held, h)
	}
}

// lowest is 0 when there is none.
func (c *heights) lowest() (low ledger.Height) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for h := range c.held {
		if low == 0 || h < low {
			low = h
		}
	}
	return low
}

// Snapshot opens the newest certified checkpoint while the replica runs and serves.
// Close it; until then neither its state nor the blocks since are pruned.
func (r *Replica) Snapshot(ctx context.Context) (*Taking, error) {
	begun := time.Now()
	for {
		r.mu.Lock()
		now, stopped := r.current, r.stopped
		r.mu.Unlock()
		if stopped || now == nil {
			return nil, fmt.Errorf("take a snapshot: %w", storage.ErrClosed)
		}
		stable := now.stable.Load()
		if stable == nil {
			return nil, noCheckpoint(now.genesis)
		}
		// A checkpoint of the agreement can be there before the block is here, or before the
		// certificate of its outcome, without which nobody gets receipts of it.
		if tip, _ := now.store.Tip(); ledger.Height(stable.Seq) <= tip {
			_, certified, err := now.store.Certificate(ledger.Height(stable.Seq))
			if err != nil {
				return nil, fmt.Errorf("take a snapshot: %w", err)
			}
			if certified || time.Since(begun) > certificateWait {
				return now.take(*stable)
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("take a snapshot: checkpoint %d has not come here yet: %w", stable.Seq, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// certificateWait is how long a snapshot waits for the certificate of its block, which
// comes in milliseconds where the ledger works.
const certificateWait = 2 * time.Second

func noCheckpoint(g *ledger.Genesis) error {
	return fmt.Errorf("take a snapshot: %w; the first one comes with block %d", ErrNoCheckpoint,
		sbft.Params{Window: g.Limits.Window}.CheckpointEvery())
}

func (r *instance) take(stable actorspb.Stable) (*Taking, error) {
	r.takings.add(ledger.Height(stable.Seq)) // before the state is opened, which may take long
	source, err := catchup.NewSource(r.openSnapshots(), ledger.Time(r.genesis.Limits.ValidityMax), stable)
	if err != nil {
		r.takings.remove(ledger.Height(stable.Seq))
		return nil, fmt.Errorf("take a snapshot: %w", err)
	}
	return &Taking{Source: source, r: r}, nil
}

// Since gives the blocks above the snapshot whose outcomes are certified, ascending, each
// by its height: executing them again gives a newer state. The others come again from the
// members, with their certificates.
func (t *Taking) Since(fn func(h ledger.Height, raw []byte) error) error {
	tip, _ := t.r.store.Tip()
	for h := t.Height + 1; h <= tip; h++ {
		b, err := t.r.records.Agreed(h)
		if err != nil {
			return fmt.Errorf("read block %d: %w", h, err)
		}
		if len(b.GetCertificate()) == 0 {
			return nil
		}
		raw, err := proto.Marshal(b)
		if err == nil {
			err = fn(h, raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Stopped is a replica's data folder while no replica runs on it.
type Stopped struct{ r *instance }

// OpenStopped takes a data folder as a replica would, so that none can start on it
// meanwhile, and changes nothing in it but what any start would tidy up.
func OpenStopped(genesis []byte, dataDir string, logger *slog.Logger) (*Stopped, error) {
	r, err := offline(genesis, dataDir, logger)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(dataDir, storeDir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("take a snapshot: %w: the folder %s has no store", ErrNoCheckpoint, dataDir)
	}
	if r.store, err = storage.Open(dir, r.storeOptions()); err != nil {
		return nil, err
	}
	r.records = &records{Store: r.store, genesis: r.genesis}
	return &Stopped{r}, nil
}

// offline is a replica of which nothing runs.
func offline(genesis []byte, dataDir string, logger *slog.Logger) (*instance, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	r := &instance{cfg: Config{Genesis: genesis, DataDir: dataDir, Logger: logger}}
	var err error
	if r.genesis, r.id, err = ledger.ParseGenesis(genesis); err != nil {
		return nil, err
	}
	if r.public, err = certificate.ParsePublic(r.genesis.Keys); err != nil {
		return nil, fmt.Errorf("read the keys in genesis: %w", err)
	}
	r.quorum, err = quorum.New(r.genesis.F, r.genesis.C)
	return r, err
}

// Snapshot opens the newest checkpoint of which the vote log has the certificate.
func (s *Stopped) Snapshot(context.Context) (*Taking, error) {
	votes := filepath.Join(s.r.cfg.DataDir, votesDir)
	if _, err := os.Stat(votes); err != nil { // opening it would found it, and hide that it is lost
		return nil, fmt.Errorf("take a snapshot: the vote log, which has the certificate, is not there: start the replica: %w", err)
	}
	log, err := votelog.Open(votelog.OS{}, votes, votelog.Options{Ledger: s.r.id})
	if err != nil {
		return nil, err
	}
	var stable *actorspb.Stable
	err = voteLog{log}.Replay(func(rec sbft.Record) error {
		if rec.Kind != sbft.RecordStable {
			return nil
		}
		c, err := sbft.ParseStable(rec)
		stable = &actorspb.Stable{Seq: c.Seq, Digest: c.Digest, Certificate: c.Certificate}
		return err
	})
	if err = errors.Join(err, log.Close()); err != nil {
		return nil, fmt.Errorf("take a snapshot: %w", err)
	}
	tip, _ := s.r.store.Tip()
	switch {
	case stable == nil:
		return nil, noCheckpoint(s.r.genesis)
	case ledger.Height(stable.Seq) > tip:
		return nil, fmt.Errorf("take a snapshot: the store ends with block %d, before the certified checkpoint %d: start the replica", tip, stable.Seq)
	}
	return s.r.take(*stable)
}

// Close lets a replica start again.
func (s *Stopped) Close() error { return s.r.store.Close() }
