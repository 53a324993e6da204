//go:build misbehave

package misbehave

import (
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

const (
	lag           = 300 * time.Millisecond
	laggingMax    = 20_000   // messages under way; more are lost
	rememberedMax = 2048     // messages to be said again
	bulkBytes     = 48 << 10 // what is larger travels as bulk
)

type slot struct {
	view ledger.View
	seq  ledger.Seq
}

// liar is the transport of a replica that misbehaves.
type liar struct {
	id      ledger.ID
	self    ledger.ReplicaID
	quorum  quorum.Config
	key     signature.PrivateKey
	signer  certificate.Signer
	attack  attack
	lagging bool
	next    consensus.Transport

	mu         sync.Mutex
	view       ledger.View                  // under mu; its own
	second     map[slot]ledger.Hash         // under mu; the other digest that it proposed
	remembered []*actorspb.ConsensusMessage // under mu; a ring
	said       int                          // under mu
	under      int                          // under mu; messages on their way
}

// Send implements consensus.Transport.
func (l *liar) Send(to ledger.ReplicaID, bulk bool, payload []byte) {
	var m actorspb.ConsensusMessage
	if proto.Unmarshal(payload, &m) != nil {
		l.next.Send(to, bulk, payload)
		return
	}
	l.tell(to, &m)
}

// Broadcast tells each peer its own story.
func (l *liar) Broadcast(bulk bool, payload []byte) {
	for i := range l.quorum.N() {
		// #nosec G115 -- below n
		if id := ledger.ReplicaID(i); id != l.self {
			l.Send(id, bulk, payload)
		}
	}
}

func (l *liar) tell(to ledger.ReplicaID, m *actorspb.ConsensusMessage) {
	l.mu.Lock()
	if st := m.GetStatus(); st != nil {
		l.view = ledger.View(st.GetView())
	}
	instead := l.attack(l, to, m)
	l.mu.Unlock()
	for _, one := range instead {
		payload, err := proto.Marshal(one)
		if err != nil {
			continue // a lie that cannot be told
		}
		l.transmit(to, len(payload) > bulkBytes, payload)
	}
}

func (l *liar) transmit(to ledger.ReplicaID, bulk bool, payload []byte) {
	if !l.lagging {
		l.next.Send(to, bulk, payload)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.under >= laggingMax {
		return
	}
	l.under++
	time.AfterFunc(lag, func() {
		l.mu.Lock()
		l.under--
		l.mu.Unlock()
		l.next.Send(to, bulk, payload)
	})
}

// leads reports whether it is primary of its view.
func (l *liar) leads() bool { return l.quorum.Primary(l.view) == l.self }

// chosen are the peers that are treated worse: the upper half.
func (l *liar) chosen(to ledger.ReplicaID) bool { return int(to) >= l.quorum.N()/2 }
