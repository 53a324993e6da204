package fault

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Link is what From sends to To.
type Link struct{ From, To string }

// Network is the links of a cluster by the names of its members.
type Network struct {
	mu     sync.Mutex
	links  map[Link]*Proxy // under mu
	wg     sync.WaitGroup
	closed chan struct{}
	once   sync.Once
}

// NewNetwork has no links yet.
func NewNetwork() *Network { return &Network{links: map[Link]*Proxy{}, closed: make(chan struct{})} }

// Connect makes the link between two members, and returns the address at which
// from is to dial to.
func (n *Network) Connect(from, to, target string) (string, error) {
	p, err := Start(target)
	if err != nil {
		return "", err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if old := n.links[Link{from, to}]; old != nil {
		p.Close()
		return "", fmt.Errorf("there is a link %s→%s already", from, to)
	}
	n.links[Link{from, to}] = p
	return p.Addr(), nil
}

// Proxy of a link, or nil.
func (n *Network) Proxy(from, to string) *Proxy {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.links[Link{from, to}]
}

// Links that a condition holds for, sorted.
func (n *Network) Links(match func(Link) bool) []Link {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []Link
	for l := range n.links {
		if match(l) {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b Link) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	return out
}

// Between are the links from a member of one side to a member of the other, both ways.
func (n *Network) Between(a, b []string) []Link {
	return n.Links(func(l Link) bool {
		return slices.Contains(a, l.From) && slices.Contains(b, l.To) || slices.Contains(b, l.From) && slices.Contains(a, l.To)
	})
}

// Of are all links of a member.
func (n *Network) Of(member string) []Link {
	return n.Links(func(l Link) bool { return l.From == member || l.To == member })
}

// From are the links on which a member speaks, To those on which it hears.
func (n *Network) From(member string) []Link {
	return n.Links(func(l Link) bool { return l.From == member })
}

// To are the links on which a member hears.
func (n *Network) To(member string) []Link {
	return n.Links(func(l Link) bool { return l.To == member })
}

// Set gives links a condition.
func (n *Network) Set(c Condition, links ...Link) {
	for _, l := range links {
		if p := n.Proxy(l.From, l.To); p != nil {
			p.Set(c)
		}
	}
}

// Partition severs two sides from each other.
func (n *Network) Partition(a, b []string) { n.Set(Severed, n.Between(a, b)...) }

// Isolate severs a member from everybody.
func (n *Network) Isolate(member string) { n.Set(Severed, n.Of(member)...) }

// OneWay lets nothing that from says reach to; the other way stays.
func (n *Network) OneWay(from, to string) { n.Set(Severed, Link{from, to}) }

// Heal makes all links good.
func (n *Network) Heal() { n.Set(Condition{}, n.Links(func(Link) bool { return true })...) }

// Flap lets links be good and severed by turns, until stop is called, which
// leaves them good.
func (n *Network) Flap(good, severed time.Duration, links ...Link) (stop func()) {
	end := make(chan struct{})
	var running sync.WaitGroup
	turn := func() {
		for _, phase := range []struct {
			condition Condition
			lasts     time.Duration
		}{{Severed, severed}, {Condition{}, good}} {
			n.Set(phase.condition, links...)
			select {
			case <-time.After(phase.lasts): // the fault's own timing
			case <-end:
			case <-n.closed:
			}
		}
	}
	running.Add(1)
	n.wg.Go(func() {
		defer running.Done()
		for !isClosed(end) && !isClosed(n.closed) {
			turn()
		}
		n.Set(Condition{}, links...)
	})
	return sync.OnceFunc(func() {
		close(end)
		running.Wait()
	})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Close ends all links and waits for their goroutines.
func (n *Network) Close() {
	n.once.Do(func() { close(n.closed) })
	n.wg.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.links {
		p.Close()
	}
}
