//go:build misbehave

package misbehave

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/actors/consensus"
	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/config"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// heard is what each peer was told.
type heard struct {
	mu  sync.Mutex
	all map[ledger.ReplicaID][]*actorspb.ConsensusMessage
}

func (h *heard) Send(to ledger.ReplicaID, _ bool, payload []byte) {
	m := &actorspb.ConsensusMessage{}
	if err := proto.Unmarshal(payload, m); err != nil {
		panic(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all[to] = append(h.all[to], m)
}

func (h *heard) Broadcast(bool, []byte) { panic("a liar tells each peer its own story") }

func (h *heard) by(to ledger.ReplicaID) []*actorspb.ConsensusMessage {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[to]
}

// said is what an honest primary of four would say to all.
func said() []*actorspb.ConsensusMessage {
	digest := make([]byte, ledger.HashSize)
	return []*actorspb.ConsensusMessage{
		{Body: &actorspb.ConsensusMessage_Status{Status: &actorspb.Status{Active: true, Executed: 7, Durable: 7, Stable: 5}}},
		{Body: &actorspb.ConsensusMessage_PrePrepare{PrePrepare: &actorspb.PrePrepare{Seq: 8, Time: 1, Path: 1, Txs: [][]byte{{1}}, Signature: digest}}},
		{Body: &actorspb.ConsensusMessage_SignShare{SignShare: &actorspb.SignShare{Seq: 8, Digest: digest, Fast: make([]byte, 64), Prepare: make([]byte, 64)}}},
		{Body: &actorspb.ConsensusMessage_ViewChange{ViewChange: &actorspb.SignedPayload{Payload: make([]byte, 200), Signature: make([]byte, 64)}}},
	}
}

func TestEveryKindOfMisbehaviourShows(t *testing.T) {
	n, err := devnet.Create(devnet.Options{Dir: t.TempDir(), F: 1, ClientNodes: 1})
	require.NoError(t, err)
	f, err := config.Load(n.Replicas[0])
	require.NoError(t, err)
	for _, kind := range Kinds() {
		if kind == snapshotKind {
			continue // honest in agreement: see the next test
		}
		t.Run(kind, func(t *testing.T) {
			cfg := replica.Config{Genesis: f.Genesis, Self: 0, SigningKey: f.SigningKey, ShareKey: f.ShareKey}
			require.NoError(t, Apply(kind, &cfg))
			h := &heard{all: map[ledger.ReplicaID][]*actorspb.ConsensusMessage{}}
			var l consensus.Transport = cfg.WrapTransport(h)
			begun := time.Now()
			for _, m := range said() {
				raw, err := proto.Marshal(m)
				require.NoError(t, err)
				l.Broadcast(false, raw)
			}
			if kind == "delay" {
				require.Empty(t, h.by(3))
				require.Eventually(t, func() bool { return len(h.by(3)) == len(said()) }, 10*time.Second, time.Millisecond)
				require.GreaterOrEqual(t, time.Since(begun), lag)
				return
			}
			honest := len(h.by(3)) == len(said())
			for i := range said() {
				honest = honest && proto.Equal(h.by(3)[i], said()[i])
			}
			require.False(t, honest, "replica 3 was told the truth")
			if kind == "withhold" || kind == "equivocate" {
				require.Len(t, h.by(1), len(said()), "and replica 1 is")
				require.True(t, proto.Equal(h.by(1)[1], said()[1]))
			}
		})
	}
	require.ErrorContains(t, Apply("nothing", &replica.Config{}), "there is no misbehaviour")
}

// trueState is a state of one part.
type trueState struct{ catchup.State }

func (trueState) Part(int, int64, int64) ([]byte, int64, error) { return []byte("the truth"), 9, nil }

// trueSnapshots are what an honest replica serves.
type trueSnapshots struct{ catchup.Snapshots }

func (trueSnapshots) Open(ledger.Height) (catchup.State, error) {
	return trueState{}, nil
}

func (trueSnapshots) Whole(ledger.Height) (*actorspb.AgreedBlock, error) {
	return &actorspb.AgreedBlock{Results: [][]byte{{1}, {2}}, CommandsBefore: make([]byte, 32)}, nil
}

func TestWhoeverJoinsIsLiedTo(t *testing.T) {
	var cfg replica.Config
	require.NoError(t, Apply(snapshotKind, &cfg))
	require.Nil(t, cfg.WrapTransport, "it is honest in agreement")
	l := cfg.WrapSnapshots(trueSnapshots{})
	f, err := l.Open(7)
	require.NoError(t, err)
	raw, total, err := f.Part(0, 0, 100)
	require.NoError(t, err)
	require.Equal(t, int64(9), total)
	require.NotEqual(t, "the truth", string(raw))
	b, err := l.Whole(3)
	require.NoError(t, err)
	require.NotEqual(t, make([]byte, 32), b.GetCommandsBefore())
}
