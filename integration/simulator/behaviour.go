package simulator

import (
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
)

// behaviour is one way of being Byzantine. A replica may have several; each sees what
// the ones before it made of a packet. All of them sign with their own identity's key,
// or with that of another liar: liars work together.
type behaviour interface {
	// out turns a packet to a node into any number of them; it may leave it as it is.
	out(n *node, to int, p any) []any
}

// listener is a behaviour that wants to see what arrives.
type listener interface {
	in(n *node, from int, p any)
}

// restless is a behaviour that acts by itself now and then.
type restless interface {
	tick(n *node)
}

// behaviourNames lists them; the numbers are those of the list of behaviours in
// docs/consensus.md.
var behaviourNames = []string{"equivocate", "subset", "late", "vote-both", "vote-blind", "withhold", "bad-share", "bad-certificate",
	"collude", "forged-view-change", "bad-new-view", "complain", "no-complaints", "lying-status", "bad-checkpoint", "bad-blocks",
	"replay", "overwrite", "far", "bad-time", "amnesia", "twins", "bad-body", "mutate", "mute", "flood"}

var makers = map[string]func(w *world, n *node) behaviour{
	"equivocate":         func(*world, *node) behaviour { return &equivocate{} },
	"subset":             func(w *world, _ *node) behaviour { return &subset{skip: w.r.intn(len(w.nodes) + 4)} },
	"late":               func(*world, *node) behaviour { return late{} },
	"vote-both":          func(*world, *node) behaviour { return &voteBoth{} },
	"vote-blind":         func(*world, *node) behaviour { return &voteBlind{} },
	"withhold":           func(w *world, _ *node) behaviour { return &withhold{mask: w.r.r.Uint64(), kinds: w.r.r.Uint64()} },
	"bad-share":          func(*world, *node) behaviour { return badShare{} },
	"bad-certificate":    func(*world, *node) behaviour { return badCertificate{} },
	"collude":            func(*world, *node) behaviour { return newCollude() },
	"forged-view-change": func(*world, *node) behaviour { return forgedViewChange{} },
	"bad-new-view":       func(*world, *node) behaviour { return &badNewView{} },
	"complain":           func(*world, *node) behaviour { return complain{} },
	"no-complaints":      func(*world, *node) behaviour { return noComplaints{} },
	"lying-status":       func(*world, *node) behaviour { return lyingStatus{} },
	"bad-checkpoint":     func(*world, *node) behaviour { return badCheckpoint{} },
	"bad-blocks":         func(*world, *node) behaviour { return badBlocks{} },
	"replay":             func(*world, *node) behaviour { return &replay{} },
	"overwrite":          func(*world, *node) behaviour { return &overwrite{} },
	"far":                func(*world, *node) behaviour { return far{} },
	"bad-time":           func(*world, *node) behaviour { return badTime{} },
	"amnesia":            func(*world, *node) behaviour { return amnesia{} },
	"twins":              func(*world, *node) behaviour { return &twins{} },
	"bad-body":           func(*world, *node) behaviour { return badBody{} },
	"mutate":             func(*world, *node) behaviour { return mutate{} },
	"mute":               func(*world, *node) behaviour { return &mute{} },
	"flood":              func(*world, *node) behaviour { return flood{} },
}

// newBehaviours gives a liar what the plan drew, and starts what acts by itself.
func newBehaviours(w *world, n *node) []behaviour {
	var out []behaviour
	for _, name := range w.plan.behaviours {
		b := makers[name](w, n)
		out = append(out, named{name, b})
		if r, ok := b.(restless); ok {
			w.restless(n, name, r)
		}
	}
	return out
}

// named counts how often a behaviour did something.
type named struct {
	name string
	behaviour
}

// act applies one behaviour to a list of packets.
func (n *node) act(b behaviour, to int, list []any) []any {
	var out []any
	for _, p := range list {
		got := b.out(n, to, p)
		if len(got) != 1 {
			n.acted(b)
		}
		out = append(out, got...)
	}
	return out
}

func (n *node) acted(b behaviour) {
	if nb, ok := b.(named); ok {
		n.w.result.Acted[nb.name]++
	}
}

// did counts a change that leaves the number of packets as it is.
func (n *node) did(name string) { n.w.result.Acted[name]++ }

// hear notes the values that liars come across: they lie best with what is there.
func (w *world) hear(p any) {
	var seq ledger.Seq
	var k sbft.Known
	switch p := p.(type) {
	case sbft.PrePrepare:
		seq, k = p.Seq, sbft.Known{View: p.View, Digest: p.Body.Digest}
	case sbft.SignShare:
		seq, k = p.Slot.Seq, sbft.Known{View: p.Slot.View, Digest: p.Slot.Digest}
	default:
		return
	}
	if list := w.heard[seq]; seq < 1<<20 && len(list) < 16 && !slices.Contains(list, k) {
		w.heard[seq] = append(list, k)
	}
}

// rumour is a value for a slot other than one's own, if liars have heard of any.
func (w *world) rumour(seq ledger.Seq, own *sbft.Known) *sbft.Known {
	var list []sbft.Known
	for _, k := range w.heard[seq] {
		if own == nil || k.Digest != own.Digest {
			list = append(list, k)
		}
	}
	if len(list) == 0 {
		return nil
	}
	k := pick(w.r, list)
	return &k
}

// listen shows a liar's behaviours what arrives.
func (n *node) listen(from int, p any) {
	if len(n.acts) > 0 {
		n.w.hear(p)
	}
	for _, b := range n.acts {
		if nb, ok := b.(named); ok {
			if l, ok := nb.behaviour.(listener); ok {
				l.in(n, from, p)
			}
		}
	}
}

func (w *world) restless(n *node, name string, r restless) {
	var tick func()
	tick = func() {
		if n.up {
			w.result.Acted[name]++
			r.tick(n)
		}
		w.after(w.r.between(sbft.Milliseconds(20), sbft.Milliseconds(600)), tick)
	}
	w.after(w.r.between(0, sbft.Milliseconds(300)), tick)
}

// addTwins gives each identity with that behaviour a second process.
func (w *world) addTwins() {
	if !slices.Contains(w.plan.behaviours, "twins") {
		return
	}
	for _, id := range w.plan.liars {
		n := newNode(w, len(w.nodes), id)
		n.twin = true
		w.nodes = append(w.nodes, n)
	}
}

// forgetful is what a crash does beyond losing what was not synced.
func (n *node) forgetful() {
	for _, b := range n.acts {
		if nb, ok := b.(named); ok {
			if _, ok := nb.behaviour.(amnesia); ok {
				n.did("amnesia")
				n.disk = newDisk()
			}
		}
	}
}

// say sends a packet of a liar's own making, past its behaviours.
func (n *node) say(to int, p any) { n.w.net.send(n.index, to, p) }

// others are the indices of all nodes of other identities.
func (n *node) others() (out []int) {
	for _, o := range n.w.nodes {
		if o.id != n.id {
			out = append(out, o.index)
		}
	}
	return out
}

// variant is another body with the same transactions, or fewer.
func (w *world) variant(b *ledger.Body) *ledger.Body {
	txs := slices.Clone(b.Txs)
	if len(txs) > 1 && w.r.chance(0.5) {
		slices.Reverse(txs)
		txs = txs[1:]
	}
	return ledger.NewBody(w.ledger, ledger.Proposal{Time: b.Time + 1 + ledger.Time(w.r.intn(3)), Txs: txs})
}
