package link

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/concordat-ledger/concordat/bus"
	"github.com/concordat-ledger/concordat/bus/server"
	"github.com/concordat-ledger/concordat/ledger"
)

// Delivery is a message of another member. From is vouched for by this process's
// own server.
type Delivery struct {
	From    bus.MemberID
	Class   bus.Class
	Target  string
	Payload []byte
}

// Handler takes a delivery on the receiving goroutine of its (peer, class). It
// decodes and checks there. An error means that the message was wrong; it is
// counted against the peer.
type Handler func(Delivery) error

// Config of the links of a process.
type Config struct {
	Ledger     string
	Self       bus.MemberID
	Identity   server.Identity
	Server     *server.Server
	Members    []bus.Member // the others; Self is skipped
	Limits     bus.Limits
	Handlers   map[string]Handler // by target
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Links are the running connections to all other members.
type Links struct {
	cfg     Config
	cert    tls.Certificate
	own     *nats.Conn
	peers   map[bus.MemberID]*peer // immutable after Start
	metrics *metrics
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	mu      sync.RWMutex
	targets map[string]Handler // under mu
}

type peer struct {
	member  bus.Member
	out     [2]*outbox // by class
	rate    *rate.Limiter
	volume  *rate.Limiter
	mu      sync.Mutex
	online  [2]bool   // under mu
	last    error     // under mu
	flood   int       // under mu; drops since the last second
	floodAt int64     // under mu; that second
	logged  time.Time // under mu
}

// ErrUnknownMember means that nobody of that name is on the bus.
var ErrUnknownMember = errors.New("no such member")

// ErrTooLarge means that a message exceeds its class's limit.
var ErrTooLarge = errors.New("message too large")

// Start subscribes for all peers and begins to connect to them.
func Start(ctx context.Context, cfg Config) (*Links, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Limits == (bus.Limits{}) {
		cfg.Limits = bus.DefaultLimits()
	}
	cert, err := cfg.Identity.Certificate()
	if err != nil {
		return nil, err
	}
	l := &Links{cfg: cfg, cert: cert, peers: map[bus.MemberID]*peer{}, metrics: newMetrics(cfg.Registerer), targets: map[string]Handler{}}
	for target, h := range cfg.Handlers {
		l.targets[target] = h
	}
	l.own, err = cfg.Server.Own(nats.ErrorHandler(l.onAsyncError))
	if err != nil {
		return nil, err
	}
	ctx, l.cancel = context.WithCancel(ctx)
	for _, m := range cfg.Members {
		if m.ID == cfg.Self {
			continue
		}
		if err := l.addPeer(ctx, m); err != nil {
			l.Close()
			return nil, err
		}
	}
	return l, nil
}

func (l *Links) addPeer(ctx context.Context, m bus.Member) error {
	lim := l.cfg.Limits
	p := &peer{member: m,
		rate:   rate.NewLimiter(rate.Limit(lim.MessagesPerSec), lim.MessagesPerSec),
		volume: rate.NewLimiter(rate.Limit(lim.BytesPerSec), lim.BytesPerSec)}
	l.peers[m.ID] = p
	for _, class := range bus.Classes() {
		p.out[class] = newOutbox(lim, func(r bus.DropReason) { l.metrics.drop(m.ID, class, r) })
		if err := l.subscribe(p, class); err != nil {
			return err
		}
		l.wg.Go(func() { l.pump(ctx, p, class) })
	}
	return nil
}

// Handle sets or replaces the handler of a target.
func (l *Links) Handle(target string, h Handler) {
	l.mu.Lock()
	l.targets[target] = h
	l.mu.Unlock()
}

// Send queues a message for a peer. It never blocks; the payload must not be
// changed afterwards.
func (l *Links) Send(to bus.MemberID, class bus.Class, target string, payload []byte) error {
	p := l.peers[to]
	if p == nil {
		return fmt.Errorf("%w: %s", ErrUnknownMember, to)
	}
	if len(payload) > l.cfg.Limits.BytesMax(class) {
		l.metrics.drop(to, class, bus.DropOversize)
		return fmt.Errorf("%w: %d bytes for %s, the limit of %s messages is %d", ErrTooLarge, len(payload), to, class, l.cfg.Limits.BytesMax(class))
	}
	p.out[class].push(message{target: target, payload: payload})
	return nil
}

// Broadcast queues the same bytes for several peers.
func (l *Links) Broadcast(to []bus.MemberID, class bus.Class, target string, payload []byte) {
	for _, id := range to {
		if id != l.cfg.Self {
			_ = l.Send(id, class, target, payload) // counted there
		}
	}
}

// subscribe receives what a peer publishes in a class.
func (l *Links) subscribe(p *peer, class bus.Class) error {
	subject := bus.Subject(l.cfg.Ledger, p.member.ID, class, "*")
	sub, err := l.own.Subscribe(subject, func(m *nats.Msg) { l.receive(p, class, m) })
	if err != nil {
		return fmt.Errorf("subscribe for %s: %w", p.member.ID, err)
	}
	if err := sub.SetPendingLimits(l.cfg.Limits.InboxMessages, l.cfg.Limits.InboxBytes); err != nil {
		return fmt.Errorf("bound the inbox of %s: %w", p.member.ID, err)
	}
	return nil
}

func (l *Links) receive(p *peer, class bus.Class, m *nats.Msg) {
	l.metrics.received(p.member.ID, class, len(m.Data))
	switch {
	case len(m.Data) > l.cfg.Limits.BytesMax(class):
		l.drop(p, class, bus.DropOversize, nil)
		return
	case !p.rate.Allow() || !p.volume.AllowN(time.Now(), min(len(m.Data), l.cfg.Limits.BytesPerSec)):
		l.drop(p, class, bus.DropFlood, nil)
		l.countFlood(p)
		return
	}
	_, _, _, target, err := bus.ParseSubject(m.Subject)
	if err != nil {
		l.drop(p, class, bus.DropRefused, err)
		return
	}
	l.mu.RLock()
	h := l.targets[target]
	l.mu.RUnlock()
	if h == nil {
		l.drop(p, class, bus.DropNoTarget, nil)
		return
	}
	if err := h(Delivery{From: p.member.ID, Class: class, Target: target, Payload: m.Data}); err != nil {
		l.drop(p, class, bus.DropRefused, err)
	}
}

// floodDrops in one second cut a peer off for a while.
const floodDrops = 2000

func (l *Links) countFlood(p *peer) {
	now := time.Now().Unix()
	p.mu.Lock()
	if p.floodAt != now {
		p.floodAt, p.flood = now, 0
	}
	p.flood++
	ban := p.flood == floodDrops
	p.mu.Unlock()
	if ban {
		l.cfg.Server.Ban(p.member.ID)
	}
}

// drop counts, and tells the operator once a second a peer at most.
func (l *Links) drop(p *peer, class bus.Class, reason bus.DropReason, err error) {
	l.metrics.drop(p.member.ID, class, reason)
	p.mu.Lock()
	quiet := time.Since(p.logged) < time.Second
	if !quiet {
		p.logged = time.Now()
	}
	p.mu.Unlock()
	if !quiet {
		l.cfg.Logger.Warn("a message of a member was dropped", "member", p.member.ID, "class", class.String(), "reason", string(reason), "error", err)
	}
}

func (l *Links) onAsyncError(_ *nats.Conn, sub *nats.Subscription, err error) {
	if !errors.Is(err, nats.ErrSlowConsumer) || sub == nil {
		return
	}
	if _, from, class, _, perr := bus.ParseSubject(sub.Subject[:len(sub.Subject)-1] + "any"); perr == nil {
		l.metrics.drop(from, class, bus.DropInboxFull)
	}
}

// PeerStatus is how a link stands.
type PeerStatus struct {
	ID        bus.MemberID
	Connected bool // both classes
	Queued    int
	LastError string
}

// Peers reports on all links, in no particular order.
func (l *Links) Peers() []PeerStatus {
	var out []PeerStatus
	for id, p := range l.peers {
		a, _ := p.out[bus.Control].size()
		b, _ := p.out[bus.Bulk].size()
		p.mu.Lock()
		st := PeerStatus{ID: id, Connected: p.online[0] && p.online[1], Queued: a + b}
		if p.last != nil {
			st.LastError = p.last.Error()
		}
		p.mu.Unlock()
		out = append(out, st)
	}
	return out
}

// Connected reports whether a peer can be reached right now.
func (l *Links) Connected(id bus.MemberID) bool {
	p := l.peers[id]
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.online[0] && p.online[1]
}

// Close ends all connections and waits for the goroutines.
func (l *Links) Close() {
	l.cancel()
	l.own.Close()
	l.wg.Wait()
}

func (l *Links) tlsConfig(m bus.Member) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{l.cert},
		InsecureSkipVerify: true, // #nosec G402 -- the certificate is pinned by VerifyConnection
		VerifyConnection: func(c tls.ConnectionState) error {
			if len(c.PeerCertificates) == 0 || ledger.Hash(sha256.Sum256(c.PeerCertificates[0].Raw)) != m.CertFingerprint {
				return fmt.Errorf("the server at %s does not hold the certificate of %s", m.Address, m.ID)
			}
			return nil
		},
	}
}
