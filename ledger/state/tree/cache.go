package tree

import (
	"errors"
	"fmt"
	"sync"
)

// Pages is the store of pages. It must be safe for concurrent use.
type Pages interface {
	// Page reads the page at an address, which has so many bytes.
	Page(addr uint64, size int) ([]byte, error)
}

// ErrPage is wrapped by the errors about a page that cannot be read, or is not what
// the tree says it is. The tree can be built anew from the records.
var ErrPage = errors.New("a page of the state tree is damaged")

// errMemory says that a tree without pages lacks a node: a fault of ours.
var errMemory = errors.New("a node of the state tree is neither in memory nor in a page")

// Cache loads pages and bounds how many stay in memory. All versions of a tree share
// one. It is safe for concurrent use.
type Cache struct {
	pages Pages
	limit uint64

	mu    sync.Mutex
	ring  []held // loaded pages that are in the store, in no order
	hand  int
	nodes uint64 // in the pages of the ring
	loads uint64
}

// held is a loaded page: its root, and how many entries it was counted with.
type held struct {
	root    *node
	entries uint64
}

// nodeBytes is about what a node takes in memory, with its share of keys and of the page.
const nodeBytes = 136

// NewCache keeps about so many bytes of pages; what was changed since the last flush
// stays in memory besides.
func NewCache(pages Pages, bytes uint64) *Cache {
	return &Cache{pages: pages, limit: bytes / nodeBytes}
}

// Loads counts the pages read so far.
func (c *Cache) Loads() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loads
}

// kids gives the children of an inner node, from its page if need be.
func (c *Cache) kids(n *node) (*pair, error) {
	p := n.page.Load()
	if p != nil && !p.used.Load() {
		p.used.Store(true)
	}
	if k := n.kids.Load(); k != nil {
		return k, nil
	}
	if p == nil || c == nil {
		return nil, errMemory
	}
	raw, err := c.pages.Page(p.addr, p.size)
	if err != nil {
		return nil, fmt.Errorf("%w: at %d: %w", ErrPage, p.addr, err)
	}
	loaded, entries, err := parsePage(raw)
	if err == nil && loaded.hash != n.hash {
		err = errors.New("it has another hash")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: at %d: %w", ErrPage, p.addr, err)
	}
	k := loaded.kids.Load()
	if n.kids.CompareAndSwap(nil, k) {
		c.add(n, entries, true)
	}
	return k, nil
}

// hold keeps a page in memory until it is written again.
func (c *Cache) hold(n *node) (*pair, error) {
	c.mu.Lock()
	n.page.Load().held.Store(true)
	c.mu.Unlock() // no step that began before still lets go of it
	return c.kids(n)
}

// add takes a page into account, and lets go of others when there are too many.
func (c *Cache) add(n *node, entries int, loaded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if loaded {
		c.loads++
	}
	h := held{n, uint64(entries)} // #nosec G115 -- a length
	c.ring = append(c.ring, h)
	c.nodes += 2 * h.entries
	for tries := 2 * len(c.ring); c.nodes > c.limit && tries > 0; tries-- {
		c.step()
	}
}

// step looks at one page: what was not used since the last look goes.
func (c *Cache) step() {
	if c.hand >= len(c.ring) {
		c.hand = 0
	}
	p := c.ring[c.hand].root.page.Load()
	if p.held.Load() || p.used.Swap(false) && !p.stale.Load() {
		c.hand++
		return
	}
	c.drop(c.hand)
}

// drop lets go of a page.
func (c *Cache) drop(i int) {
	h := c.ring[i]
	c.nodes -= 2 * h.entries
	h.root.kids.Store(nil)
	last := len(c.ring) - 1
	c.ring[i], c.ring[last] = c.ring[last], held{}
	c.ring = c.ring[:last]
}

// sweep lets go of what later versions have replaced: whoever still reads an old version
// loads it again.
func (c *Cache) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := 0; i < len(c.ring); {
		if p := c.ring[i].root.page.Load(); p.stale.Load() && !p.held.Load() {
			c.drop(i)
		} else {
			i++
		}
	}
}
