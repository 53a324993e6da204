//go:build misbehave

package misbehave

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/consensus"
	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// attack says what one peer is sent instead of a message: nothing, it, or others.
type attack func(l *liar, to ledger.ReplicaID, m *actorspb.ConsensusMessage) []*actorspb.ConsensusMessage

// attacks by the name that --misbehave takes.
var attacks = map[string]attack{
	"withhold":   withhold,
	"equivocate": equivocate,
	"garbage":    garbage,
	"replay":     replay,
	"delay":      honestly, // the transport does it
	"lie":        lie,
	"forge":      forge,
	"silence":    silence,
	"complain":   complain,
}

// Kinds lists the attacks.
func Kinds() []string {
	out := []string{snapshotKind}
	for k := range attacks {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Apply makes a replica misbehave. Its configuration must be complete.
func Apply(kind string, cfg *replica.Config) error {
	if kind == snapshotKind {
		cfg.WrapSnapshots = lieToJoiners
		return nil
	}
	do, ok := attacks[kind]
	if !ok {
		return fmt.Errorf("there is no misbehaviour %q; there are %s", kind, strings.Join(Kinds(), ", "))
	}
	genesis, id, err := ledger.ParseGenesis(cfg.Genesis)
	if err != nil {
		return err
	}
	q, err := quorum.New(genesis.F, genesis.C)
	if err != nil {
		return err
	}
	private, err := certificate.ParsePrivate(cfg.ShareKey)
	if err != nil {
		return err
	}
	signer, err := private.Signer()
	if err != nil {
		return err
	}
	l := &liar{id: id, self: cfg.Self, quorum: q, key: cfg.SigningKey, signer: signer, attack: do, lagging: kind == "delay",
		second: map[slot]ledger.Hash{}}
	cfg.WrapTransport = func(honest consensus.Transport) consensus.Transport {
		l.next = honest
		return l
	}
	return nil
}

// clone is for changing what goes to one peer only.
func clone(m *actorspb.ConsensusMessage) *actorspb.ConsensusMessage {
	return proto.Clone(m).(*actorspb.ConsensusMessage)
}

func honestly(_ *liar, _ ledger.ReplicaID, m *actorspb.ConsensusMessage) []*actorspb.ConsensusMessage {
	return []*actorspb.ConsensusMessage{m}
}
