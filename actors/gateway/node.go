package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/bus"
	"github.com/concordat-ledger/concordat/bus/link"
	"github.com/concordat-ledger/concordat/bus/server"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"

	"google.golang.org/protobuf/proto"
)

// Config of a client node.
type Config struct {
	Genesis           []byte
	ID                string // "client-node-0"
	Listen            string // for members
	ApplicationListen string // for applications
	AllowAnonymous    bool
	Peers             map[string]string
	Identity          server.Identity
	Travelling        []proto.Message // message types that may cross the bus
	Logger            *slog.Logger
	Registerer        prometheus.Registerer
}

const stopTimeout = 5 * time.Second

// Node is a running client node.
type Node struct {
	cfg         Config
	genesis     *ledger.Genesis
	id          ledger.ID
	public      *certificate.Public
	quorum      quorum.Config
	server      *server.Server
	links       *link.Links
	system      *shell.System
	application *server.Application
	done        chan struct{}
	once        sync.Once
	err         error
}

// Start connects to the replicas and offers the service.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	n := &Node{cfg: cfg, done: make(chan struct{})}
	for _, step := range []func(context.Context) error{n.read, n.startBus, n.startService} {
		if err := step(ctx); err != nil {
			n.close()
			return nil, fmt.Errorf("start %s: %w", cfg.ID, err)
		}
	}
	return n, nil
}

func (n *Node) read(context.Context) error {
	var err error
	if n.genesis, n.id, err = ledger.ParseGenesis(n.cfg.Genesis); err != nil {
		return err
	}
	if n.public, err = certificate.ParsePublic(n.genesis.Keys); err != nil {
		return err
	}
	n.quorum, err = quorum.New(n.genesis.F, n.genesis.C)
	return err
}

func (n *Node) startBus(ctx context.Context) error {
	var members, replicas []bus.Member
	for _, m := range n.genesis.Members {
		print, err := ledger.HashFromBytes(m.Certificate)
		if err != nil {
			return err
		}
		member := bus.Member{ID: bus.MemberID(m.ID), Address: n.cfg.Peers[m.ID], NKey: m.NKey, CertFingerprint: print}
		members = append(members, member)
		if m.Kind == ledger.MemberReplica {
			replicas = append(replicas, member)
		}
	}
	self := bus.MemberID(n.cfg.ID)
	var err error
	n.server, err = server.Start(server.Config{Ledger: n.genesis.Name, Self: self, ListenAddress: n.cfg.Listen, Identity: n.cfg.Identity,
		Members: members, Logger: n.cfg.Logger, Registerer: n.cfg.Registerer})
	if err != nil {
		return err
	}
	n.links, err = link.Start(ctx, link.Config{Ledger: n.genesis.Name, Self: self, Identity: n.cfg.Identity, Server: n.server,
		Members: replicas, Logger: n.cfg.Logger, Registerer: n.cfg.Registerer})
	return err
}

func (n *Node) startService(context.Context) error {
	var err error
	n.system, err = shell.NewSystem(shell.Config{Name: "gateway", Logger: n.cfg.Logger, Registerer: n.cfg.Registerer, Fatal: n.fail})
	if err != nil {
		return err
	}
	if _, err := link.NewRemote(n.system.ActorSystem(), n.links, n.cfg.Travelling, []string{"gateway/gateway"}); err != nil {
		return err
	}
	pid, err := n.system.Spawn(newGateway(n))
	if err != nil {
		return err
	}
	n.application, err = server.StartApplication(server.ApplicationConfig{Name: n.cfg.ID, ListenAddress: n.cfg.ApplicationListen,
		AllowAnonymous: n.cfg.AllowAnonymous, Logger: n.cfg.Logger})
	if err != nil {
		return err
	}
	return n.application.Serve("0.1.0", map[string]string{
		"submit": "order and execute a signed transaction; answers with its receipt",
		"status": "how the ledger and its replicas stand",
		"lookup": "blocks, transactions, receipts, genesis",
		"query":  "a contract's method without a transaction",
	}, func(r server.Request) { n.system.Tell(pid, r) })
}

// replica is the PID of an actor of a replica.
func (n *Node) replica(id ledger.ReplicaID, actor string) shell.PID {
	return n.system.Remote(link.Address(bus.MemberID(id.String())), "replica/"+actor)
}

func (n *Node) connected(id ledger.ReplicaID) bool {
	return n.links.Connected(bus.MemberID(id.String()))
}

// Addr is where replicas reach this node.
func (n *Node) Addr() string { return n.server.Addr() }

// ApplicationURL is where applications connect.
func (n *Node) ApplicationURL() string { return n.application.URL() }

// Done is closed when the node has stopped.
func (n *Node) Done() <-chan struct{} { return n.done }

// Err says why it stopped by itself. Read it after Done.
func (n *Node) Err() error { return n.err }

func (n *Node) fail(err error) {
	n.err = err
	n.shutdown()
}

// Stop ends the node and waits for it.
func (n *Node) Stop(ctx context.Context) error {
	n.shutdown()
	select {
	case <-n.done:
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("stop %s", n.cfg.ID), ctx.Err())
	}
}

func (n *Node) shutdown() {
	n.once.Do(func() {
		n.close()
		close(n.done)
	})
}

func (n *Node) close() {
	if n.application != nil {
		n.application.Close()
	}
	if n.links != nil {
		n.links.Close()
	}
	if n.system != nil {
		if err := n.system.Stop(stopTimeout); err != nil {
			n.cfg.Logger.Error("the actors did not stop", "error", err)
		}
	}
	if n.server != nil {
		n.server.Close()
	}
}
