package execution

import "github.com/concordat-ledger/concordat/ledger"

// window remembers which commands were executed, until they expire. It is a
// function of the chain: every replica's is the same at the same height.
type window struct {
	entries map[ledger.Hash]entry   // looked up only
	buckets map[int64][]ledger.Hash // keys by the second they expire in
	swept   int64                   // seconds up to here are gone
}

type entry struct {
	place   ledger.Place
	expires ledger.Time
}

func newWindow() *window {
	return &window{entries: map[ledger.Hash]entry{}, buckets: map[int64][]ledger.Hash{}}
}

const second = int64(1_000_000_000)

func (w *window) add(key ledger.Hash, at ledger.Place, expires ledger.Time) {
	w.entries[key] = entry{place: at, expires: expires}
	bucket := int64(expires) / second
	w.buckets[bucket] = append(w.buckets[bucket], key)
}

// find answers for a block of the given time. An entry counts exactly until it
// expires, whether it was swept already or not: a replica that was just started
// and one that runs for weeks must agree.
func (w *window) find(key ledger.Hash, now ledger.Time) (ledger.Place, bool) {
	e, ok := w.entries[key]
	return e.place, ok && e.expires >= now
}

// advance forgets entries that no longer count.
func (w *window) advance(now ledger.Time) {
	to := int64(now)/second - 1
	if w.swept == 0 || to-w.swept > 86_400 {
		w.sortedSweepAll(to)
		return
	}
	for s := w.swept + 1; s <= to; s++ {
		w.sweep(s)
	}
	w.swept = max(w.swept, to)
}

// sortedSweepAll forgets in whatever order; the result does not depend on it.
func (w *window) sortedSweepAll(to int64) {
	for s := range w.buckets {
		if s <= to {
			w.sweep(s)
		}
	}
	w.swept = to
}

// sweep empties a bucket, but for commands that were used anew since.
func (w *window) sweep(bucket int64) {
	for _, key := range w.buckets[bucket] {
		if e, ok := w.entries[key]; ok && int64(e.expires)/second <= bucket {
			delete(w.entries, key)
		}
	}
	delete(w.buckets, bucket)
}
