package collector

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Params are fixed for the life of a Machine.
type Params struct {
	Self   ledger.ReplicaID
	Ledger ledger.ID
	Quorum quorum.Config
	Window int   // heights kept
	Retry  int64 // ns until the next collector in turn is tried
}

// Outcome is what this replica's execution made of a height, with its own share.
type Outcome struct {
	Statement certificate.ExecutionStatement
	Share     certificate.Share
	First     ledger.ReplicaID // who collects first
}

// Share of another replica, authenticated by its link, signature unchecked.
type Share struct {
	Statement certificate.ExecutionStatement
	Share     certificate.Share
}

// Certified is an outcome that f+1 replicas vouch for.
type Certified struct {
	Statement   certificate.ExecutionStatement
	Certificate certificate.ExecutionCertificate
}

// Combine asks for a certificate.
type Combine struct {
	Statement certificate.ExecutionStatement
	Shares    []certificate.Share
}

// Combined answers it; a nil certificate means that too few shares were good.
type Combined struct {
	Statement   certificate.ExecutionStatement
	Certificate certificate.ExecutionCertificate
	Bad         []ledger.ReplicaID
}

// SendShare is this replica's share on its way to a collector.
type SendShare struct {
	To    ledger.ReplicaID
	Share Share
}

// Output is what the world must do after a step.
type Output struct {
	Send      []SendShare
	Broadcast []Certified        // certificates to tell all others
	Answer    []Answer           // certificates for one replica that lacks them
	Combine   []Combine          // to compute, given back with OnCombined
	Certified []Certified        // each once, in no particular order
	Divergent []Certified        // the certified outcome differs from our own
	Liars     []ledger.ReplicaID // sent shares that do not verify
	Retry     bool               // arm the retry timer
}

// Answer sends a certificate to one replica.
type Answer struct {
	To        ledger.ReplicaID
	Certified Certified
}

type height struct {
	own       *Outcome
	certified *Certified
	shares    []Share // of others and our own, at most one per replica
	combining bool
	believed  bool // a certificate is here but not verified yet: do not work for another
	turn      int
	sentAt    int64
}

// Machine gathers execution shares. It is not safe for concurrent use.
type Machine struct {
	p       Params
	n       int
	heights map[ledger.Height]*height
	floor   ledger.Height // heights at or below are forgotten
	top     ledger.Height // newest height executed here
	armed   bool
}

// New starts above a height whose certificate is not needed any more.
func New(p Params, floor ledger.Height) *Machine {
	return &Machine{p: p, n: p.Quorum.N(), heights: map[ledger.Height]*height{}, floor: floor, top: floor}
}

func (m *Machine) at(h ledger.Height) *height {
	// #nosec G115 -- positive
	if h <= m.floor || h > m.top+ledger.Height(m.p.Window) {
		return nil
	}
	e := m.heights[h]
	if e == nil {
		e = &height{}
		m.heights[h] = e
	}
	return e
}

// OnOutcome takes this replica's own outcome and sends its share.
func (m *Machine) OnOutcome(now int64, in Outcome, out *Output) {
	h := in.Statement.Height
	m.top = max(m.top, h)
	m.forget()
	e := m.at(h)
	if e == nil {
		return
	}
	e.own = &in
	if e.certified != nil {
		m.compare(e, out)
		return
	}
	e.shares = addShare(e.shares, Share{Statement: in.Statement, Share: in.Share})
	e.sentAt = now
	m.sendTo(e, in.First, out)
	m.gather(e, out)
	m.arm(out)
}

func (m *Machine) sendTo(e *height, to ledger.ReplicaID, out *Output) {
	if to != m.p.Self {
		out.Send = append(out.Send, SendShare{To: to, Share: Share{Statement: e.own.Statement, Share: e.own.Share}})
	}
}

// OnShare keeps another replica's share. One for a certified height is answered
// with the certificate.
func (m *Machine) OnShare(in Share, out *Output) {
	if int(in.Share.Signer) >= m.n {
		return
	}
	e := m.at(in.Statement.Height)
	switch {
	case e == nil:
	case e.certified != nil:
		out.Answer = append(out.Answer, Answer{To: in.Share.Signer, Certified: *e.certified})
	default:
		e.shares = addShare(e.shares, in)
		m.gather(e, out)
	}
}

func addShare(list []Share, s Share) []Share {
	for _, have := range list {
		if have.Share.Signer == s.Share.Signer {
			return list
		}
	}
	return append(list, s)
}

// gather combines the shares that agree with our own outcome. A collector
// certifies nothing that it has not computed itself.
func (m *Machine) gather(e *height, out *Output) {
	if e.own == nil || e.combining || e.believed || e.certified != nil {
		return
	}
	var shares []certificate.Share
	for _, s := range e.shares {
		if s.Statement == e.own.Statement {
			shares = append(shares, s.Share)
		}
	}
	if len(shares) < m.p.Quorum.Weak() {
		return
	}
	e.combining = true
	out.Combine = append(out.Combine, Combine{Statement: e.own.Statement, Shares: shares})
}

// OnCombined takes the certificate, or drops the shares that spoilt it.
func (m *Machine) OnCombined(in Combined, out *Output) {
	out.Liars = append(out.Liars, in.Bad...)
	e := m.at(in.Statement.Height)
	if e == nil {
		return
	}
	e.combining = false
	if in.Certificate != nil {
		c := Certified{Statement: in.Statement, Certificate: in.Certificate}
		if e.certified == nil {
			out.Broadcast = append(out.Broadcast, c)
		}
		m.certify(e, c, out)
		return
	}
	if len(in.Bad) == 0 {
		return
	}
	kept := e.shares[:0]
	for _, s := range e.shares {
		bad := false
		for _, b := range in.Bad {
			bad = bad || b == s.Share.Signer
		}
		if !bad {
			kept = append(kept, s)
		}
	}
	e.shares = kept
	m.gather(e, out)
}

// OnCertified takes a certificate of another collector, verified.
func (m *Machine) OnCertified(in Certified, out *Output) {
	if e := m.at(in.Statement.Height); e != nil {
		m.certify(e, in, out)
	}
}

func (m *Machine) certify(e *height, c Certified, out *Output) {
	if e.certified != nil {
		return
	}
	e.certified, e.shares = &c, nil
	out.Certified = append(out.Certified, c)
	m.compare(e, out)
}

func (m *Machine) compare(e *height, out *Output) {
	if e.own != nil && e.own.Statement != e.certified.Statement {
		out.Divergent = append(out.Divergent, *e.certified)
	}
}

// OnRetry gives shares of heights that stay uncertified to the next collector.
func (m *Machine) OnRetry(now int64, out *Output) {
	m.armed = false
	waiting := false
	for h := m.floor + 1; h <= m.top; h++ {
		e := m.heights[h]
		if e == nil || e.own == nil || e.believed || e.certified != nil {
			continue
		}
		waiting = true
		if now-e.sentAt < m.p.Retry {
			continue
		}
		e.sentAt = now
		e.turn++
		next := (int(e.own.First) + e.turn) % m.n
		m.sendTo(e, ledger.ReplicaID(next), out) // #nosec G115 -- below n
	}
	if waiting {
		m.arm(out)
	}
}

func (m *Machine) arm(out *Output) {
	if !m.armed {
		m.armed, out.Retry = true, true
	}
}

// forget keeps the newest Window heights.
func (m *Machine) forget() {
	// #nosec G115 -- positive
	for m.top > m.floor+ledger.Height(m.p.Window) {
		m.floor++
		delete(m.heights, m.floor)
	}
}

// Waiting is the number of heights executed here without a certificate.
func (m *Machine) Waiting() int {
	waiting := 0
	for h := m.floor + 1; h <= m.top; h++ {
		if e := m.heights[h]; e != nil && e.own != nil && e.certified == nil {
			waiting++
		}
	}
	return waiting
}

// Knows reports whether a height is certified here already, or too old or too
// new to matter, so that its certificate need not be verified again.
func (m *Machine) Knows(h ledger.Height) bool {
	e := m.at(h)
	return e == nil || e.certified != nil
}

// Believe notes that a certificate for a height came and waits to be verified;
// nothing is done to get another meanwhile.
func (m *Machine) Believe(h ledger.Height) {
	if e := m.at(h); e != nil {
		e.believed = true
	}
}

// Doubt takes that back: the certificate did not verify.
func (m *Machine) Doubt(h ledger.Height, out *Output) {
	if e := m.at(h); e != nil && e.certified == nil {
		e.believed = false
		m.gather(e, out)
		m.arm(out)
	}
}
