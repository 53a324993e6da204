package gateway

import (
	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/bus"
	"github.com/concordat-ledger/concordat/bus/link"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// onRefused passes on that a transaction will never be executed only when f+1
// replicas say so for one reason, or when it can be seen here: one replica may lie, or
// have a clock that is wrong, and an application that is told so may do it again
// another way. The first such word makes everybody be asked. To come again later is
// advice that harms nobody, so one replica may give it.
func (g *gateway) onRefused(c *shell.Context, m *actorspb.SubmitRefused) {
	from, ok := g.replicaOf(c.Sender())
	if !ok {
		return
	}
	var ask []*submission
	for _, r := range m.GetRefused() {
		id, err := ledger.HashFromBytes(r.GetTxId())
		s := g.submits[id]
		if err != nil || s == nil {
			continue
		}
		e := &ledgerpb.Error{Refusal: ledgerpb.Refusal(r.GetRefusal()), Message: r.GetMessage(), RetryAfterMs: r.GetRetryAfterMs()} // #nosec G115 -- an enum
		if e.GetRetryAfterMs() > 0 || g.note(s, from, e.GetRefusal()) >= g.node.quorum.Weak() || g.seenWrong(s, e.GetRefusal()) {
			g.finish(s, &ledgerpb.SubmitReply{Error: e})
		} else if len(s.refused) == 1 {
			ask = append(ask, s)
		}
	}
	g.send(c, ask, true)
}

// replicaOf tells which replica a message comes from.
func (g *gateway) replicaOf(from shell.PID) (ledger.ReplicaID, bool) {
	for i := range g.node.quorum.N() {
		id := ledger.ReplicaID(i) // #nosec G115 -- below n
		if from != nil && from.Address == link.Address(bus.MemberID(id.String())) {
			return id, true
		}
	}
	return 0, false
}

// note counts the replicas that refuse for this reason.
func (g *gateway) note(s *submission, from ledger.ReplicaID, why ledgerpb.Refusal) (alike int) {
	if s.refused == nil {
		s.refused = map[ledger.ReplicaID]ledgerpb.Refusal{}
	}
	s.refused[from] = why
	for _, other := range s.refused {
		if other == why {
			alike++
		}
	}
	return alike
}

// seenWrong reports whether a reason can be checked here, and holds.
func (g *gateway) seenWrong(s *submission, why ledgerpb.Refusal) bool {
	env, err := ledger.ParseEnvelope(s.envelope)
	if err != nil {
		return true
	}
	tx, err := ledger.ParseTransaction(env.Payload)
	switch why {
	case ledgerpb.Refusal_REFUSAL_MALFORMED:
		return err != nil
	case ledgerpb.Refusal_REFUSAL_WRONG_LEDGER:
		return err == nil && tx.Ledger != g.node.id
	case ledgerpb.Refusal_REFUSAL_SIGNATURE:
		return !signature.Verify(env.PublicKey, ledger.SignedBytes(env.Payload), env.Signature[:])
	default:
		return false
	}
}
