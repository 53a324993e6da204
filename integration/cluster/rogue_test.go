package cluster

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus"
	"github.com/concordat-ledger/concordat/bus/server"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/config"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// freeAddress picks a port that nobody has.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// metric sums the samples of a metric that have all the given labels.
func metric(t *testing.T, address, name string, labels ...string) float64 {
	response, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	sum := 0.0
samples:
	for _, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, name+"{") {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(line, label) {
				continue samples
			}
		}
		var v float64
		_, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &v)
		require.NoError(t, err)
		sum += v
	}
	return sum
}

// connect reaches a member's server as plain NATS client with the identity of a
// member, or of nobody.
func connect(address string, id server.Identity) (*nats.Conn, error) {
	pair, err := id.KeyPair()
	if err != nil {
		return nil, err
	}
	public, err := id.PublicNKey()
	if err != nil {
		return nil, err
	}
	c, err := id.Certificate()
	if err != nil {
		return nil, err
	}
	return nats.Connect("tls://"+address, nats.Nkey(public, pair.Sign), nats.NoReconnect(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
		nats.Secure(&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{c}})) // #nosec G402 -- the attacker does not care whom it attacks
}

// A member with a valid certificate forges, sends garbage and floods; it is refused
// and counted, and the ledger of the others goes on.
func TestARogueMemberIsRefusedAndCounted(t *testing.T) {
	n := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	// replica-0 runs again with metrics; replica-3 becomes the rogue.
	metrics := freeAddress(t)
	require.NoError(t, n.replicas[0].Kill())
	p, err := devnet.StartProcess(binary, "replica", n.Replicas[0], "--metrics", metrics)
	require.NoError(t, err)
	n.replicas[0] = p
	require.NoError(t, n.replicas[3].Kill())
	folder, err := config.Load(n.Replicas[3])
	require.NoError(t, err)
	target := folder.Node.Peers["replica-0"]
	name := n.Genesis.Name
	require.NotNil(t, n.insist(ctx, n.signer("alice@org0"), "before"))

	stranger, err := server.NewIdentity("stranger")
	require.NoError(t, err)
	_, err = connect(target, stranger)
	require.Error(t, err, "a stranger")
	rogue, err := connect(target, folder.Identity)
	require.NoError(t, err, "the member itself may connect")

	loading, stop := context.WithCancel(ctx)
	result := make(chan map[string]ledger.Place, 1)
	go func() { result <- n.load(loading, "during", 8) }()

	for _, class := range bus.Classes() {
		require.NoError(t, rogue.Publish(bus.Subject(name, "replica-1", class, "consensus"), []byte("under another's name")))
	}
	_, err = rogue.SubscribeSync(name + ".>")
	require.NoError(t, err)
	require.NoError(t, rogue.Flush())
	require.Eventually(t, func() bool {
		return metric(t, metrics, "concordat_bus_refused_total", `reason="permission"`) >= float64(len(bus.Classes()))
	}, 10*time.Second, 20*time.Millisecond, "what it may not do is refused and counted")

	garbage := make([]byte, 400)
	_, _ = rand.Read(garbage) // never fails
	for _, target := range []string{"consensus", "replica/admission", "replica/catchup", "replica/reads", "nowhere"} {
		for _, class := range bus.Classes() {
			require.NoError(t, rogue.Publish(bus.Subject(name, "replica-3", class, target), garbage))
		}
	}
	require.NoError(t, rogue.Flush())
	require.Eventually(t, func() bool { return metric(t, metrics, "concordat_bus_dropped_total", `replica-3`) >= 5 },
		10*time.Second, 20*time.Millisecond, "garbage is dropped and counted")

	sent := 0
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && !rogue.IsClosed(); sent++ {
		if rogue.Publish(bus.Subject(name, "replica-3", bus.Control, "consensus"), garbage) != nil {
			break
		}
	}
	require.Eventually(t, func() bool { return metric(t, metrics, "concordat_bus_refused_total", `reason="flood"`) >= 1 },
		10*time.Second, 20*time.Millisecond, "a flood is cut off")

	for i := range 30 {
		require.NotNil(t, n.insist(ctx, n.signer("alice@org0"), fmt.Sprint("meanwhile", i)), "the ledger goes on meanwhile")
	}
	stop()
	acknowledged := <-result
	rogue.Close()
	require.NotNil(t, n.insist(ctx, n.signer("alice@org0"), "after"))
	t.Logf("%d transactions were acknowledged during the attack; the flood was cut off after %d messages", len(acknowledged), sent)
	n.startReplica(3)
	n.waitEqual(ctx)
	n.check(acknowledged)
}
