package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/concordat-ledger/concordat/bus"
	"github.com/concordat-ledger/concordat/bus/server"
)

type node struct {
	id       bus.MemberID
	identity server.Identity
	server   *server.Server
	links    *Links
	got      chan Delivery
	registry *prometheus.Registry
}

// network starts members that all know each other.
func network(t *testing.T, limits bus.Limits, names ...string) []*node {
	var nodes []*node
	var members []bus.Member
	for _, name := range names {
		n := &node{id: bus.MemberID(name), got: make(chan Delivery, 100_000), registry: prometheus.NewRegistry()}
		var err error
		n.identity, err = server.NewIdentity(name)
		require.NoError(t, err)
		members = append(members, member(t, n))
		nodes = append(nodes, n)
	}
	for i, n := range nodes {
		var err error
		n.server, err = server.Start(server.Config{Ledger: "test", Self: n.id, ListenAddress: "127.0.0.1:0",
			Identity: n.identity, Members: members, Limits: limits, Registerer: n.registry})
		require.NoError(t, err)
		t.Cleanup(n.server.Close)
		members[i].Address = n.server.Addr()
	}
	for _, n := range nodes {
		n.startLinks(t, limits, members)
	}
	return nodes
}

func member(t *testing.T, n *node) bus.Member {
	key, err := n.identity.PublicNKey()
	require.NoError(t, err)
	print, err := n.identity.Fingerprint()
	require.NoError(t, err)
	return bus.Member{ID: n.id, NKey: key, CertFingerprint: print}
}

func (n *node) startLinks(t *testing.T, limits bus.Limits, members []bus.Member) {
	var err error
	n.links, err = Start(context.Background(), Config{Ledger: "test", Self: n.id, Identity: n.identity, Server: n.server,
		Members: members, Limits: limits, Registerer: n.registry,
		Handlers: map[string]Handler{"box": func(d Delivery) error {
			if string(d.Payload) == "garbage" {
				return errors.New("garbage")
			}
			n.got <- d
			return nil
		}}})
	require.NoError(t, err)
	t.Cleanup(n.links.Close)
}

func (n *node) receive(t *testing.T) Delivery {
	select {
	case d := <-n.got:
		return d
	case <-time.After(10 * time.Second):
		t.Fatal("nothing arrived")
		return Delivery{}
	}
}

// count reads a counter by name and label values, in any order.
func (n *node) count(t *testing.T, name string, labels ...string) float64 {
	families, err := n.registry.Gather()
	require.NoError(t, err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			have := map[string]bool{}
			for _, l := range m.GetLabel() {
				have[l.GetValue()] = true
			}
			all := true
			for _, l := range labels {
				all = all && have[l]
			}
			if all {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func TestMessagesArriveUnderTheSendersName(t *testing.T) {
	n := network(t, bus.Limits{}, "replica-0", "replica-1", "client-node-0")
	for _, class := range bus.Classes() {
		require.NoError(t, n[0].links.Send("replica-1", class, "box", []byte("hello")))
		d := n[1].receive(t)
		require.Equal(t, Delivery{From: "replica-0", Class: class, Target: "box", Payload: []byte("hello")}, d)
	}
	n[2].links.Broadcast([]bus.MemberID{"replica-0", "replica-1", "client-node-0"}, bus.Control, "box", []byte("all"))
	require.Equal(t, bus.MemberID("client-node-0"), n[0].receive(t).From)
	require.Equal(t, bus.MemberID("client-node-0"), n[1].receive(t).From)
	require.ErrorIs(t, n[0].links.Send("nobody", bus.Control, "box", nil), ErrUnknownMember)
	require.ErrorIs(t, n[0].links.Send("replica-1", bus.Control, "box", make([]byte, 65<<10)), ErrTooLarge)
	require.NoError(t, n[0].links.Send("replica-1", bus.Bulk, "box", make([]byte, 4<<20)))
	require.Len(t, n[1].receive(t).Payload, 4<<20)
}

// rogue connects to a member's server with chosen credentials.
func rogue(address string, key, cert server.Identity, errs chan error) (*nats.Conn, error) {
	kp, err := key.KeyPair()
	if err != nil {
		return nil, err
	}
	public, _ := key.PublicNKey()
	c, err := cert.Certificate()
	if err != nil {
		return nil, err
	}
	return nats.Connect("tls://"+address, nats.Nkey(public, kp.Sign), nats.NoReconnect(),
		nats.Secure(&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{c}}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			select {
			case errs <- err:
			default:
			}
		}))
}

func TestTheServerRefusesEverythingButOnesOwnName(t *testing.T) {
	n := network(t, bus.Limits{}, "replica-0", "replica-1", "replica-2")
	stranger, err := server.NewIdentity("stranger")
	require.NoError(t, err)
	errs := make(chan error, 16)
	for name, ids := range map[string][2]server.Identity{
		"unknown key and certificate":             {stranger, stranger},
		"member's certificate, unknown key":       {stranger, n[1].identity},
		"member's key, unknown certificate":       {n[1].identity, stranger},
		"one member's key, another's certificate": {n[1].identity, n[2].identity},
	} {
		_, err := rogue(n[0].server.Addr(), ids[0], ids[1], errs)
		require.Error(t, err, name)
	}
	require.GreaterOrEqual(t, n[0].count(t, "concordat_bus_refused_total", "auth"), 4.0)

	c, err := rogue(n[0].server.Addr(), n[1].identity, n[1].identity, errs)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Publish(bus.Subject("test", "replica-2", bus.Control, "box"), []byte("forged")))
	_, err = c.SubscribeSync("test.>")
	require.NoError(t, err)
	require.NoError(t, c.Flush())
	require.Eventually(t, func() bool { return n[0].count(t, "concordat_bus_refused_total", "permission") >= 2 }, 5*time.Second, 5*time.Millisecond)
	require.ErrorContains(t, <-errs, "ermissions")

	require.NoError(t, n[2].links.Send("replica-0", bus.Control, "box", []byte("honest")))
	require.Equal(t, "honest", string(n[0].receive(t).Payload), "the forged message was not delivered")
}

func TestGarbageIsCountedAndTheRestGoesOn(t *testing.T) {
	n := network(t, bus.Limits{}, "replica-0", "replica-1")
	for range 10 {
		require.NoError(t, n[0].links.Send("replica-1", bus.Control, "box", []byte("garbage")))
	}
	require.NoError(t, n[0].links.Send("replica-1", bus.Control, "nowhere", []byte("x")))
	require.NoError(t, n[0].links.Send("replica-1", bus.Control, "box", []byte("fine")))
	require.Equal(t, "fine", string(n[1].receive(t).Payload))
	require.Equal(t, 10.0, n[1].count(t, "concordat_bus_dropped_total", "refused"))
	require.Equal(t, 1.0, n[1].count(t, "concordat_bus_dropped_total", "no_target"))
}

func TestAFloodIsCutOffAndOthersAreServed(t *testing.T) {
	limits := bus.DefaultLimits()
	limits.MessagesPerSec = 500
	limits.OutboxMessages = 100_000
	n := network(t, limits, "replica-0", "replica-1", "replica-2")
	for range 20_000 {
		_ = n[1].links.Send("replica-0", bus.Control, "box", []byte("flood"))
	}
	require.Eventually(t, func() bool { return n[0].count(t, "concordat_bus_refused_total", "flood") >= 1 }, 10*time.Second, 5*time.Millisecond)
	require.Greater(t, n[0].count(t, "concordat_bus_dropped_total", "flood", "replica-1"), 0.0)
	require.NoError(t, n[2].links.Send("replica-0", bus.Control, "box", []byte("calm")))
	for {
		if d := n[0].receive(t); d.From == "replica-2" {
			break
		}
	}
}

func TestAPeerThatComesBackIsReached(t *testing.T) {
	n := network(t, bus.Limits{}, "replica-0", "replica-1")
	require.NoError(t, n[0].links.Send("replica-1", bus.Control, "box", []byte("1")))
	n[1].receive(t)
	address := n[1].server.Addr()
	n[1].links.Close()
	n[1].server.Close()
	var err error
	n[1].registry = prometheus.NewRegistry()
	n[1].server, err = server.Start(server.Config{Ledger: "test", Self: "replica-1", ListenAddress: address,
		Identity: n[1].identity, Members: []bus.Member{member(t, n[0])}, Registerer: n[1].registry})
	require.NoError(t, err)
	t.Cleanup(n[1].server.Close)
	first := member(t, n[0])
	first.Address = n[0].server.Addr()
	n[1].startLinks(t, bus.DefaultLimits(), []bus.Member{first})
	deadline := time.After(20 * time.Second)
	for i := 0; ; i++ {
		_ = n[0].links.Send("replica-1", bus.Control, "box", []byte(fmt.Sprint("again ", i)))
		select {
		case d := <-n[1].got:
			require.Contains(t, string(d.Payload), "again")
			return
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatal("the peer was never reached again")
		}
	}
}

type echo struct{}

func (echo) Receive(c actor.Context) {
	if m, ok := c.Message().(*wrapperspb.StringValue); ok {
		c.Respond(wrapperspb.String(m.Value + " from " + c.Sender().Address))
	}
}

func TestActorsOfAnotherProcessAreUsedLikeLocalOnes(t *testing.T) {
	n := network(t, bus.Limits{}, "replica-0", "replica-1")
	systems := []*actor.ActorSystem{actor.NewActorSystem(), actor.NewActorSystem()}
	allowed := []proto.Message{&wrapperspb.StringValue{}}
	for i := range systems {
		_, err := NewRemote(systems[i], n[i].links, allowed, []string{"echo"})
		require.NoError(t, err)
	}
	_, err := systems[1].Root.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return echo{} }), "echo")
	require.NoError(t, err)
	_, err = systems[1].Root.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return echo{} }), "private")
	require.NoError(t, err)
	pid := actor.NewPID(Address("replica-1"), "echo")
	require.Eventually(t, func() bool { return n[0].links.Connected("replica-1") && n[1].links.Connected("replica-0") }, 10*time.Second, time.Millisecond)
	reply, err := systems[0].Root.RequestFuture(pid, wrapperspb.String("hi"), 5*time.Second).Result()
	require.NoError(t, err)
	require.Equal(t, "hi from concordat://replica-0", reply.(*wrapperspb.StringValue).Value)

	_, err = systems[0].Root.RequestFuture(actor.NewPID(Address("replica-1"), "private"), wrapperspb.String("x"), 200*time.Millisecond).Result()
	require.Error(t, err, "only exported actors can be reached")
	_, err = systems[0].Root.RequestFuture(actor.NewPID(Address("replica-9"), "echo"), wrapperspb.String("x"), 5*time.Second).Result()
	require.ErrorIs(t, err, actor.ErrDeadLetter)
	systems[0].Root.Stop(pid)
	reply, err = systems[0].Root.RequestFuture(pid, wrapperspb.String("still there"), 5*time.Second).Result()
	require.NoError(t, err, "another member cannot stop our actors")
	require.Contains(t, reply.(*wrapperspb.StringValue).Value, "still there")
}
