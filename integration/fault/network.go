package fault

import (
	"errors"
	"fmt"
	"time"

	"github.com/concordat-ledger/concordat/node/config"
)

// Network is the proxies of all directed links between the replicas of a network. A
// link from a to b carries what a says to b, for b's server takes connections, and a's
// words come over the one that a has made.
type Network struct {
	ids   []string
	links map[[2]string]*Proxy
}

// Rewire puts a proxy before every replica for every other one, and writes its address
// into the folders, before the processes are started.
func Rewire(folders []string) (*Network, error) {
	n := &Network{links: map[[2]string]*Proxy{}}
	var loaded []*config.Folder
	for _, dir := range folders {
		f, err := config.Load(dir)
		if err != nil {
			return nil, errors.Join(err, n.Close())
		}
		loaded = append(loaded, f)
		n.ids = append(n.ids, f.Node.ID)
	}
	for _, from := range loaded {
		for _, to := range n.ids {
			if to == from.Node.ID {
				continue
			}
			p, err := Listen(from.Node.Peers[to])
			if err != nil {
				return nil, errors.Join(err, n.Close())
			}
			n.links[[2]string{from.Node.ID, to}] = p
			from.Node.Peers[to] = p.Addr()
		}
		if err := config.Save(from); err != nil {
			return nil, errors.Join(fmt.Errorf("rewire %s: %w", from.Node.ID, err), n.Close())
		}
	}
	return n, nil
}

// each does something to the links that a filter chooses.
func (n *Network) each(choose func(from, to string) bool, do func(*Proxy)) {
	for k, p := range n.links {
		if choose(k[0], k[1]) {
			do(p)
		}
	}
}

// Isolate holds all links from and to a replica: it is there, and hears and says nothing.
func (n *Network) Isolate(id string) {
	n.each(func(from, to string) bool { return from == id || to == id }, (*Proxy).Hold)
}

// Silence holds what a replica says; it still hears.
func (n *Network) Silence(id string) {
	n.each(func(from, _ string) bool { return from == id }, (*Proxy).Hold)
}

// Deafen holds what is said to a replica; it still speaks.
func (n *Network) Deafen(id string) {
	n.each(func(_, to string) bool { return to == id }, (*Proxy).Hold)
}

// Reset cuts all connections of a replica.
func (n *Network) Reset(id string) {
	n.each(func(from, to string) bool { return from == id || to == id }, (*Proxy).Cut)
}

// Slow delays what a replica says and hears.
func (n *Network) Slow(id string, d, jitter time.Duration) {
	n.each(func(from, to string) bool { return from == id || to == id }, func(p *Proxy) { p.Delay(d, jitter) })
}

// Heal ends everything.
func (n *Network) Heal() {
	n.each(func(string, string) bool { return true }, (*Proxy).Heal)
}

// Close ends all proxies.
func (n *Network) Close() error {
	var errs []error
	for _, p := range n.links {
		errs = append(errs, p.Close())
	}
	return errors.Join(errs...)
}
