// Package server runs the embedded NATS servers of a process: one for members,
// who may only publish under their own name, and one for applications.
package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	nats "github.com/nats-io/nats-server/v2/server"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/concordat-ledger/concordat/bus"
	"github.com/concordat-ledger/concordat/ledger"
)

// Config of the server for members.
type Config struct {
	Ledger        string // name, first token of all subjects
	Self          bus.MemberID
	ListenAddress string // host:port; port 0 picks a free one
	Identity      Identity
	Members       []bus.Member // everyone who may connect
	Limits        bus.Limits
	Logger        *slog.Logger
	Registerer    prometheus.Registerer
}

// Timeouts of the server for members.
const (
	handshakeTimeout = 2 * time.Second
	writeDeadline    = 2 * time.Second
	banTime          = 5 * time.Second // of a peer that floods
	startTimeout     = 10 * time.Second
)

// Server is a running server for members.
type Server struct {
	cfg      Config
	nats     *nats.Server
	own      string // password of this process's own connection
	refused  *prometheus.CounterVec
	mu       sync.Mutex
	members  map[string]bus.Member // by NKey
	banned   map[bus.MemberID]time.Time
	sessions map[uint64]bus.MemberID // connection id → member, for cutting a flooder
}

// Start runs the server until Close.
func Start(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Limits == (bus.Limits{}) {
		cfg.Limits = bus.DefaultLimits()
	}
	host, port, err := splitAddress(cfg.ListenAddress)
	if err != nil {
		return nil, err
	}
	cert, err := cfg.Identity.Certificate()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, own: randomToken(), banned: map[bus.MemberID]time.Time{}, sessions: map[uint64]bus.MemberID{}}
	s.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "concordat_bus_refused_total", Help: "Connections and subjects that the server for members refused.",
	}, []string{"reason"})
	if cfg.Registerer != nil {
		cfg.Registerer.MustRegister(s.refused)
	}
	s.SetMembers(cfg.Members)
	opts := &nats.Options{
		ServerName: string(cfg.Self), Host: host, Port: port, NoSigs: true, NoLog: true, NoSystemAccount: true,
		MaxPayload: int32(cfg.Limits.BulkBytesMax + 64<<10), MaxPending: int64(cfg.Limits.InboxBytes), // #nosec G115 -- bounded by Limits
		WriteDeadline: writeDeadline, AuthTimeout: handshakeTimeout.Seconds(), TLSTimeout: handshakeTimeout.Seconds(),
		MaxControlLine: 1024, MaxSubs: 4096, MaxConn: 64 + 4*len(cfg.Members),
		CustomClientAuthentication: s, AlwaysEnableNonce: true, NoFastProducerStall: true,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert},
			ClientAuth: tls.RequireAnyClientCert, VerifyConnection: s.verifyConnection},
	}
	if s.nats, err = startServer(opts, cfg.Logger, s.onServerError); err != nil {
		return nil, fmt.Errorf("start the server for members on %s: %w", cfg.ListenAddress, err)
	}
	return s, nil
}

func startServer(opts *nats.Options, logger *slog.Logger, onError func(string)) (*nats.Server, error) {
	if opts.Cluster.Port != 0 || opts.Gateway.Port != 0 || opts.LeafNode.Port != 0 || opts.Websocket.Port != 0 ||
		opts.MQTT.Port != 0 || opts.HTTPPort != 0 || opts.HTTPSPort != 0 || len(opts.Routes) != 0 {
		return nil, errors.New("only client connections may be offered")
	}
	srv, err := nats.NewServer(opts)
	if err != nil {
		return nil, err
	}
	opts.NoLog = false
	srv.SetLogger(&logAdapter{logger: logger, onError: onError}, false, false)
	srv.Start()
	if !srv.ReadyForConnections(startTimeout) {
		srv.Shutdown()
		return nil, errors.New("it did not become ready; is the address in use?")
	}
	return srv, nil
}

func splitAddress(address string) (string, int, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: %w", address, err)
	}
	p, err := strconv.Atoi(port)
	if err != nil || p < 0 || p > 65535 {
		return "", 0, fmt.Errorf("listen address %q: the port is no number below 65536", address)
	}
	if p == 0 {
		p = nats.RANDOM_PORT
	}
	return host, p, nil
}

func randomToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return hex.EncodeToString(b[:])
}

// SetMembers replaces who may connect; those who left are cut at once.
func (s *Server) SetMembers(members []bus.Member) {
	byKey := map[string]bus.Member{}
	ids := map[bus.MemberID]bool{}
	for _, m := range members {
		byKey[m.NKey] = m
		ids[m.ID] = true
	}
	s.mu.Lock()
	s.members = byKey
	var gone []uint64
	for cid, id := range s.sessions {
		if !ids[id] {
			gone = append(gone, cid)
			delete(s.sessions, cid)
		}
	}
	s.mu.Unlock()
	for _, cid := range gone {
		_ = s.nats.DisconnectClientByID(cid) // it may have left by itself
	}
}

// verifyConnection refuses certificates that no member has.
func (s *Server) verifyConnection(c tls.ConnectionState) error {
	if len(c.PeerCertificates) == 0 {
		return errors.New("no certificate")
	}
	print := ledger.Hash(sha256.Sum256(c.PeerCertificates[0].Raw))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.members {
		if m.CertFingerprint == print {
			return nil
		}
	}
	s.refused.WithLabelValues(string(bus.DropAuth)).Inc()
	return errors.New("the certificate belongs to no member")
}

// Check implements the server's custom authentication: an NKey challenge, over a
// TLS connection whose certificate belongs to the same member.
func (s *Server) Check(c nats.ClientAuthentication) bool {
	opts := c.GetOpts()
	if c.GetTLSConnectionState() == nil {
		if opts.Password != s.own {
			s.refused.WithLabelValues(string(bus.DropAuth)).Inc()
			return false
		}
		c.RegisterUser(&nats.User{Username: "own"})
		return true
	}
	m, ok := s.identify(c)
	if !ok {
		s.refused.WithLabelValues(string(bus.DropAuth)).Inc()
		return false
	}
	c.RegisterUser(&nats.User{Username: string(m.ID), Permissions: &nats.Permissions{
		Publish:   &nats.SubjectPermission{Allow: []string{s.cfg.Ledger + ".from." + string(m.ID) + ".>"}},
		Subscribe: &nats.SubjectPermission{Deny: []string{">"}},
	}})
	return true
}

func (s *Server) identify(c nats.ClientAuthentication) (bus.Member, bool) {
	opts, tlsState := c.GetOpts(), c.GetTLSConnectionState()
	if opts.Nkey == "" || len(tlsState.PeerCertificates) == 0 {
		return bus.Member{}, false
	}
	s.mu.Lock()
	m, ok := s.members[opts.Nkey]
	banned := time.Now().Before(s.banned[m.ID])
	s.mu.Unlock()
	if !ok || banned || ledger.Hash(sha256.Sum256(tlsState.PeerCertificates[0].Raw)) != m.CertFingerprint {
		return bus.Member{}, false
	}
	if !nkeyHolds(c) {
		return bus.Member{}, false
	}
	s.mu.Lock()
	if len(s.sessions) > 64+4*len(s.members) {
		s.forgetClosed()
	}
	s.sessions[c.GetID()] = m.ID
	s.mu.Unlock()
	return m, true
}

// forgetClosed drops sessions whose connection is gone; s.mu is held.
func (s *Server) forgetClosed() {
	for cid := range s.sessions {
		if s.nats.GetClient(cid) == nil {
			delete(s.sessions, cid)
		}
	}
}

// Ban cuts a member's connections and refuses new ones for some seconds. It is
// how a flood ends without anyone else noticing.
func (s *Server) Ban(id bus.MemberID) {
	s.mu.Lock()
	s.banned[id] = time.Now().Add(banTime)
	var cut []uint64
	for cid, m := range s.sessions {
		if m == id {
			cut = append(cut, cid)
			delete(s.sessions, cid)
		}
	}
	s.mu.Unlock()
	s.refused.WithLabelValues(string(bus.DropFlood)).Inc()
	s.cfg.Logger.Warn("a member floods the bus and is cut off for a while", "member", id, "seconds", banTime.Seconds())
	for _, cid := range cut {
		_ = s.nats.DisconnectClientByID(cid) // it may have left by itself
	}
}

func (s *Server) onServerError(kind string) { s.refused.WithLabelValues(kind).Inc() }

// Addr is where members connect.
func (s *Server) Addr() string { return s.nats.Addr().String() }

// Own connects this process to its own server, inside the process, with the
// right to subscribe.
func (s *Server) Own(options ...client.Option) (*client.Conn, error) {
	options = append([]client.Option{client.InProcessServer(s.nats), client.UserInfo("own", s.own), client.Name("own")}, options...)
	c, err := client.Connect("", options...)
	if err != nil {
		return nil, fmt.Errorf("connect to the own server: %w", err)
	}
	return c, nil
}

// Close ends the server and all connections.
func (s *Server) Close() {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
}

// nkeyHolds checks the signature over the nonce that the server had sent.
func nkeyHolds(c nats.ClientAuthentication) bool {
	opts := c.GetOpts()
	sig, err := base64.RawURLEncoding.DecodeString(opts.Sig)
	if err != nil {
		return false
	}
	key, err := nkeys.FromPublicKey(opts.Nkey)
	return err == nil && key.Verify(c.GetNonce(), sig) == nil
}
