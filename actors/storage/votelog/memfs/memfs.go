// Package memfs is a file system in memory that crashes: what was synced stays,
// and of the rest a random part, chosen by a seed. Writes are torn at sectors,
// in any order; names that were not made durable may be gone, or back.
package memfs

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"sort"
	"sync"

	"github.com/concordat-ledger/concordat/actors/storage/votelog"
)

const sector = 512

// FS holds one flat directory; dir arguments are ignored.
type FS struct {
	mu      sync.Mutex
	files   map[string]*node // as a running process sees it
	durable map[string]*node // as the directory stands on disk
	epoch   int              // files opened before a crash are dead after it
	budget  int              // operations until every one fails; negative: no limit
}

type node struct{ now, synced []byte }

// New makes an empty file system.
func New() *FS {
	return &FS{files: map[string]*node{}, durable: map[string]*node{}, budget: -1}
}

// ErrInjected is what operations answer after FailAfter.
var ErrInjected = errors.New("injected failure of the disk")

// FailAfter lets n more changing operations succeed; then all fail until a crash.
func (f *FS) FailAfter(n int) { f.mu.Lock(); f.budget = n; f.mu.Unlock() }

func (f *FS) spend() error {
	if f.budget == 0 {
		return ErrInjected
	}
	if f.budget > 0 {
		f.budget--
	}
	return nil
}

// Crash forgets what was not durable, but for a part chosen by seed.
func (f *FS) Crash(seed uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	rng := rand.New(rand.NewPCG(seed, 1)) // #nosec G404 -- reproducible on purpose
	names := map[string]bool{}
	for name := range f.files {
		names[name] = true
	}
	for name := range f.durable {
		names[name] = true
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	after := map[string]*node{}
	for _, name := range sorted {
		n, was := f.files[name], f.durable[name]
		if n != was && rng.IntN(2) == 0 {
			n = was // the change of the directory was lost
		}
		if n != nil {
			content := n.tear(rng)
			after[name] = &node{now: content, synced: append([]byte(nil), content...)}
		}
	}
	f.files, f.durable, f.budget = after, map[string]*node{}, -1
	for name, n := range after {
		f.durable[name] = n
	}
	f.epoch++
}

// tear mixes the synced and the present content sector by sector.
func (n *node) tear(rng *rand.Rand) []byte {
	low, high := min(len(n.now), len(n.synced)), max(len(n.now), len(n.synced))
	size := low + rng.IntN(high-low+1)
	switch rng.IntN(3) {
	case 0:
		size = len(n.synced)
	case 1:
		size = len(n.now)
	}
	out := make([]byte, size)
	copy(out, n.synced)
	keep := rng.IntN(5) // of 4 sectors; 4: all
	for at := 0; at < size; at += sector {
		if rng.IntN(4) < keep && at < len(n.now) {
			// Byte exact at the border of what is synced: those bytes do not change.
			copy(out[at:min(at+sector, size)], n.now[at:])
		}
	}
	return out
}

// Flip changes one bit of a file, durable or not.
func (f *FS) Flip(name string, bit int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.files[name]
	n.now[bit/8] ^= 1 << (bit % 8)
	if bit/8 < len(n.synced) {
		n.synced[bit/8] = n.now[bit/8]
	}
}

// Len is a file's present length in bytes.
func (f *FS) Len(name string) int { f.mu.Lock(); defer f.mu.Unlock(); return len(f.files[name].now) }

// MkdirAll does nothing: there is one directory.
func (f *FS) MkdirAll(string) error { return nil }

// List names the files, sorted.
func (f *FS) List(string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := make([]string, 0, len(f.files))
	for name := range f.files {
		names = append(names, name)
	}
	sort.Strings(names)
	return names, nil
}

// Create makes a file.
func (f *FS) Create(_, name string) (votelog.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return nil, err
	}
	if f.files[name] != nil {
		return nil, fs.ErrExist
	}
	f.files[name] = &node{}
	return &file{fs: f, node: f.files[name], epoch: f.epoch}, nil
}

// Open opens a file.
func (f *FS) Open(_, name string) (votelog.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files[name] == nil {
		return nil, fs.ErrNotExist
	}
	return &file{fs: f, node: f.files[name], epoch: f.epoch}, nil
}

// Remove deletes a name.
func (f *FS) Remove(_, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return err
	}
	if f.files[name] == nil {
		return fs.ErrNotExist
	}
	delete(f.files, name)
	return nil
}

// SyncDir makes the present names durable.
func (f *FS) SyncDir(string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.spend(); err != nil {
		return err
	}
	f.durable = map[string]*node{}
	for name, n := range f.files {
		f.durable[name] = n
	}
	return nil
}

type file struct {
	fs    *FS
	node  *node
	epoch int
}

func (h *file) enter(changing bool) error {
	if h.epoch != h.fs.epoch {
		return fs.ErrClosed
	}
	if changing {
		return h.fs.spend()
	}
	return nil
}

func (h *file) ReadAt(p []byte, off int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if err := h.enter(false); err != nil {
		return 0, err
	}
	if off >= int64(len(h.node.now)) {
		return 0, io.EOF
	}
	n := copy(p, h.node.now[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *file) Write(p []byte) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if err := h.enter(true); err != nil {
		return 0, err
	}
	h.node.now = append(h.node.now, p...)
	return len(p), nil
}

func (h *file) Sync() error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if err := h.enter(true); err != nil {
		return err
	}
	h.node.synced = append([]byte(nil), h.node.now...)
	return nil
}

func (h *file) Truncate(size int64) error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if err := h.enter(true); err != nil {
		return err
	}
	h.node.now = append([]byte(nil), h.node.now[:min(size, int64(len(h.node.now)))]...)
	return nil
}

func (h *file) Size() (int64, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	return int64(len(h.node.now)), h.enter(false)
}

func (h *file) Close() error { return nil }
