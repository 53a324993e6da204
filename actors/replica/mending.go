package replica

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
)

// mender has the store read through, repairs what can be repaired here, and says what is
// to be fetched. Its goroutine ends with stop.
type mender struct {
	r       *instance
	stop    chan struct{}
	stopped chan struct{}

	tries map[storage.Finding]int // of repairs here; of the goroutine, as the next two
	due   map[storage.Finding]time.Time
	asked time.Time // when others were last asked again for what none of them had

	mu     sync.Mutex
	seen   map[storage.Finding]ledger.Height // records: the height as of which others are asked
	lost   map[storage.Finding]int           // how often all others had refused it
	beyond string                            // why the whole store is to be fetched; "": it is not
	done   scrubProgress
}

// scrubProgress is how far the reading has come.
type scrubProgress struct {
	passed time.Time // when the last pass ended
	passes uint64
	read   int64 // bytes of this pass
}

func (m *mender) progress() scrubProgress {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done
}

// What the reading costs when nothing else is said: 1 GiB takes four and a half hours, and
// a store of any size half a day.
const (
	scrubRateMin  = 64 << 10
	scrubPassMax  = 12 * time.Hour
	scrubPassMin  = 6 * time.Hour // from the beginning of a pass to the next one
	scrubStepMin  = 512           // bytes that a step counts for at least
	scrubPauseMax = time.Second

	mendTriesMax = 20
	mendPause    = 3 * time.Second

	askAgain     = 6 * time.Hour // they are asked again for what none of them had
	askAgainMost = 64            // pieces at once
	woundsMost   = 64            // are asked for at once, and as many blocks are known before more are looked for
)

func newMender(r *instance) *mender {
	m := &mender{r: r, stop: make(chan struct{}), stopped: make(chan struct{}), seen: map[storage.Finding]ledger.Height{},
		tries: map[storage.Finding]int{}, due: map[storage.Finding]time.Time{}, lost: map[storage.Finding]int{}, asked: time.Now()}
	m.beyond = storage.WhyDamaged(filepath.Join(r.cfg.DataDir, storeDir))
	return m
}

// halt ends the goroutine after its step; what takes longer ends when the store is closed.
func (m *mender) halt() { close(m.stop) }

func (m *mender) wait() { <-m.stopped }

// run is the goroutine.
func (m *mender) run() {
	defer close(m.stopped)
	sc := m.r.store.NewScrubber(func(st certificate.ExecutionStatement, cert []byte) error {
		return m.r.public.Execution().Verify(st, cert)
	})
	defer sc.Close()
	began := time.Now()
	pause := time.NewTimer(0)
	defer pause.Stop()
	again := false // something was repaired: whether all of it was is seen by reading it all
	for {
		select {
		case <-m.stop:
			return
		case <-m.r.store.DamageSeen():
			again = true
			m.here()
			continue
		case <-pause.C:
		}
		m.here()
		if m.full() {
			pause.Reset(mendPause)
			continue
		}
		read, complete, err := sc.Step()
		if errors.Is(err, storage.ErrClosed) {
			return
		}
		wait := m.pace(read)
		switch {
		case err != nil:
			m.r.cfg.Logger.Warn("the store cannot be read through now; it is tried again", "error", err)
			wait = mendPause
		case complete:
			wait = m.complete(began, again)
			again, began = false, time.Now().Add(wait)
		}
		pause.Reset(wait)
	}
}

// full reports whether enough blocks are known to be damaged: they are mended or abandoned
// before more are looked for, as any number of them is no reason for a new store.
func (m *mender) full() bool {
	open, _ := m.r.store.Damage()
	blocks := 0
	for _, f := range open {
		if f.Kind == storage.DamagedBlock {
			blocks++
		}
	}
	return blocks >= woundsMost && m.givenUp() == ""
}

// pace is how long a step may take that has read so much.
func (m *mender) pace(read int64) time.Duration {
	m.mu.Lock()
	m.done.read += read
	m.mu.Unlock()
	rate := m.r.cfg.ScrubRate
	if rate <= 0 {
		rate = scrubRateMin
		if st, err := m.r.store.Stats(); err == nil {
			rate = max(rate, st.DiskBytes/int64(scrubPassMax/time.Second))
		}
	}
	return min(time.Duration(max(read, scrubStepMin))*time.Second/time.Duration(rate), scrubPauseMax*time.Duration(max(1, read/scrubRateMin)))
}

// complete ends a pass, and says when the next one begins.
func (m *mender) complete(began time.Time, again bool) time.Duration {
	m.mu.Lock()
	m.done.passed, m.done.read = time.Now(), 0
	m.done.passes++
	m.mu.Unlock()
	open, _ := m.r.store.Damage()
	if time.Since(m.asked) > askAgain {
		m.asked = time.Now()
		m.r.store.Reconsider(askAgainMost)
		m.here()
	}
	if len(open) > 0 || again {
		m.r.cfg.Logger.Info("the store was read through", "damaged", len(open))
		return time.Second
	}
	m.r.dropPast()
	if m.r.cfg.ScrubRate > 0 {
		return time.Second
	}
	return max(time.Until(began.Add(scrubPassMin)), time.Second)
}

// here repairs what needs nobody else.
func (m *mender) here() {
	open, more := m.r.store.Damage()
	if more {
		m.giveUp("there is more damage than can be named")
	}
	if m.givenUp() != "" {
		return
	}
	for _, f := range open {
		switch {
		case m.nobodys(f):
			m.abandon(f)
			continue
		case f.Kind == storage.DamagedBlock || f.Kind == storage.DamagedRecord || time.Now().Before(m.due[f]):
			continue
		}
		err := m.r.store.MendHere(f, ledger.Time(m.r.genesis.Limits.ValidityMax))
		switch {
		case err == nil:
			m.r.cfg.Logger.Info("a damaged piece of the store is repaired", "what", f.String())
			m.r.store.Settle(f)
			delete(m.tries, f)
			delete(m.due, f)
			continue
		case errors.Is(err, storage.ErrClosed):
			return
		case !damaged(err) || !slices.ContainsFunc(open, fetched): // else that is repaired first
			m.tries[f]++
		}
		if m.due[f] = time.Now().Add(mendPause); errors.Is(err, storage.ErrBeyond) || m.tries[f] >= mendTriesMax {
			m.giveUp(fmt.Sprintf("%s (%v)", f, err))
		}
	}
}

// fetched reports whether others are asked for a piece.
func fetched(f storage.Finding) bool {
	return f.Kind == storage.DamagedBlock || f.Kind == storage.DamagedRecord
}

// giveUp has the whole store fetched anew. This one serves until the new one is here.
func (m *mender) giveUp(why string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.beyond != "" {
		return
	}
	m.beyond = why
	m.r.cfg.Logger.Error("the store is too damaged to be repaired piece by piece; a new one is fetched, and this one serves until then", "why", why)
	if err := storage.MarkDamaged(filepath.Join(m.r.cfg.DataDir, storeDir), why); err != nil {
		m.r.cfg.Logger.Error("the store cannot be marked as damaged", "error", err)
	}
}

func (m *mender) givenUp() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.beyond
}

// Wounds implements catchup.Repairs. Of many it gives some: when those are mended or lost,
// the others come.
func (m *mender) Wounds() ([]transfer.Wound, bool) {
	open, _ := m.r.store.Damage()
	var out []transfer.Wound
	for _, f := range open {
		if w, ok := m.wound(f); ok && len(out) < woundsMost {
			out = append(out, w)
		}
	}
	return out, m.givenUp() != ""
}

// wound is what is asked of others for a finding.
func (m *mender) wound(f storage.Finding) (transfer.Wound, bool) {
	switch f.Kind {
	case storage.DamagedBlock:
		tip, _ := m.r.store.Tip()
		if f.Height == 0 || f.Height > tip {
			m.giveUp(f.String())
		}
		if f.Height < m.r.store.Base() || f.Height > tip {
			return transfer.Wound{}, false
		}
		return transfer.Wound{Kind: transfer.KindBlock, Height: f.Height}, true
	case storage.DamagedRecord:
		m.mu.Lock()
		defer m.mu.Unlock()
		at, ok := m.seen[f]
		if !ok {
			at = m.r.store.SeenAt(f)
			m.seen[f] = at
		}
		return transfer.Wound{Kind: transfer.KindRecord, Height: at, Key: f.Key}, true
	}
	return transfer.Wound{}, false
}

// findings are those that a wound stands for.
func (m *mender) findings(w transfer.Wound) (out []storage.Finding) {
	open, _ := m.r.store.Damage()
	for _, f := range open {
		if o, ok := m.wound(f); ok && o == w {
			out = append(out, f)
		}
	}
	return out
}

// Around implements catchup.Repairs.
func (m *mender) Around(h ledger.Height) (before, hash ledger.Hash, err error) {
	if before, err = m.r.store.CommandsBefore(h); err != nil {
		return before, hash, err
	}
	tip, newest := m.r.store.Tip()
	if h == tip {
		return before, newest, nil
	}
	if above, err := m.r.records.header(h + 1); err == nil {
		hash = above.Parent
	}
	return before, hash, nil
}

// MendBlock implements catchup.Repairs.
func (m *mender) MendBlock(b *actorspb.AgreedBlock, block *snapshot.Block, sum ledger.Hash) error {
	err := m.r.store.MendBlock(wholeCommit(b, block, sum), b.GetCertificate())
	if err == nil {
		m.settle(transfer.Wound{Kind: transfer.KindBlock, Height: block.Header.Height})
	}
	return err
}

// MendRecord implements catchup.Repairs.
func (m *mender) MendRecord(w transfer.Wound, record []byte) (bool, error) {
	for _, f := range m.findings(w) {
		err := m.r.store.MendRecord(f, w.Height, record)
		switch {
		case errors.Is(err, storage.ErrNotIt):
			return false, err
		case errors.Is(err, storage.ErrBeyond):
			m.giveUp(f.String())
		case err != nil:
			return true, err
		}
	}
	m.settle(w)
	return true, nil
}

func (m *mender) settle(w transfer.Wound) {
	for _, f := range m.findings(w) {
		m.r.store.Settle(f)
		m.forget(f)
	}
}

// words says how the store is, for operators. Clients see it too: no keys.
func (m *mender) words() (summary, store string) {
	open, _ := m.r.store.Damage()
	left := m.r.store.Abandoned()
	found, mended := m.r.store.DamageCounts()
	m.mu.Lock()
	defer m.mu.Unlock()
	var parts []string
	switch {
	case m.beyond != "":
		parts = append(parts, "its store is damaged: it fetches a new one from the others, and serves from what it has until then")
	case len(open) == 1:
		parts = append(parts, "a piece of its store is damaged and is being repaired: "+open[0].Where())
	case len(open) > 1:
		parts = append(parts, fmt.Sprintf("%d pieces of its store are damaged and are being repaired, the first: %s", len(open), open[0].Where()))
	}
	switch {
	case len(left) == 1:
		parts = append(parts, "a piece of its store is damaged and cannot be repaired, as no other replica has it: "+left[0].Where())
	case len(left) > 1:
		parts = append(parts, fmt.Sprintf("%d pieces of its store are damaged and cannot be repaired, as no other replica has them, the first: %s", len(left), left[0].Where()))
	}
	summary = strings.Join(parts, "; ")
	switch {
	case m.done.passes == 0:
		store = fmt.Sprintf("being read through for the first time since the start, %d MiB so far", m.done.read>>20)
	default:
		store = fmt.Sprintf("read through %d times since the start, the last %s", m.done.passes, m.done.passed.UTC().Format("2006-01-02 15:04 UTC"))
	}
	if past := pastDivergence(m.r.cfg.DataDir); past != "" && m.beyond == "" {
		store += "; its state differed once, as of " + past
	}
	if found == 0 {
		return summary, store + "; no damage"
	}
	return summary, store + fmt.Sprintf("; since the start %d pieces were found damaged, %d are repaired", found, mended)
}
