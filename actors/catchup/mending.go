package catchup

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
)

// Repairs is what the replica does for this actor with what is damaged.
type Repairs interface {
	// Wounds are what others can give. beyond: so much is damaged that the whole store is
	// to be fetched anew.
	Wounds() (wounds []transfer.Wound, beyond bool)
	// Around is what is known here of a block: the chain of commands before it, and its
	// hash, zero if the block above cannot be read either.
	Around(h ledger.Height) (before, hash ledger.Hash, err error)
	// MendBlock writes a block that was checked.
	MendBlock(b *actorspb.AgreedBlock, block *snapshot.Block, sum ledger.Hash) error
	// MendRecord writes a record if it is the one in the certified state; false: it is not.
	MendRecord(w transfer.Wound, record []byte) (bool, error)
	// Lost takes note that nobody can give what a wound needs; false: nothing could be done
	// about it now, and the others are to be asked again.
	Lost(w transfer.Wound) bool
}

// lostAgain is after how long that is.
const lostAgain = int64(2 * time.Second)

// mending fetches what is damaged here from others.
type mending struct {
	cfg     *Config
	machine *transfer.Mend
	join    *transfer.Join
	raw     []byte                   // of the piece under way
	lost    map[transfer.Wound]int64 // of what nobody can heal: when it is tried again
}

func newMending(cfg *Config, join *transfer.Join) *mending {
	m := &mending{cfg: cfg, machine: transfer.NewMend(cfg.Params), join: join, lost: map[transfer.Wound]int64{}}
	m.look()
	return m
}

// look asks what is damaged now.
func (m *mending) look() (wounds bool) {
	if m.cfg.Repairs == nil {
		return false
	}
	list, beyond := m.cfg.Repairs.Wounds()
	m.machine.OnWounds(list)
	if beyond || m.machine.Beyond() {
		m.join.Force()
	}
	return len(list) > 0
}

// poll sends the next ask.
func (m *mending) poll(c *shell.Context, now int64) {
	wounds := m.look()
	m.bury(now)
	if m.join.Forced() || !wounds {
		return
	}
	if ask := m.machine.Next(now); ask != nil {
		m.raw = nil
		m.fetch(c, ask)
	}
}

// bury tells of what nobody can heal, once, or until something could be done about it.
func (m *mending) bury(now int64) {
	lost := m.machine.Lost()
	maps.DeleteFunc(m.lost, func(w transfer.Wound, _ int64) bool { return !slices.Contains(lost, w) })
	for _, w := range lost {
		again, told := m.lost[w]
		switch {
		case !told && m.join.Forced(): // a new store comes anyway
		case !told && m.cfg.Repairs.Lost(w):
			m.lost[w] = math.MaxInt64
		case !told:
			m.lost[w] = now + lostAgain
		case again <= now:
			delete(m.lost, w)
			m.machine.Again(w)
		}
	}
}

func (m *mending) fetch(c *shell.Context, ask *transfer.MendAsk) {
	c.Tell(m.cfg.Peer(ask.To), &actorspb.FetchSnapshot{Request: ask.Request, Height: uint64(ask.Wound.Height),
		Kind: uint32(ask.Wound.Kind), Key: []byte(ask.Wound.Key), Offset: uint64(len(m.raw))})
}

// onPiece takes what a replica gave.
func (m *mending) onPiece(c *shell.Context, from ledger.ReplicaID, p *actorspb.SnapshotPiece, now int64) {
	ask := m.machine.Wants(from, p.GetRequest())
	if p.GetAnswer() != uint32(transfer.Good) {
		// #nosec G115 -- bounded
		m.machine.OnAnswer(from, ask.Request, max(transfer.Answer(min(p.GetAnswer(), uint32(transfer.Lacking))), transfer.Bad), now)
		return
	}
	m.raw = append(m.raw, p.GetPayload()...)
	have := uint64(len(m.raw))
	if have < p.GetTotal() && p.GetTotal() <= pieceBytesMax && len(p.GetPayload()) >= rangeBytes {
		m.machine.OnProgress(from, ask.Request, now)
		m.fetch(c, ask)
		return
	}
	raw := m.raw
	m.raw = nil
	answer, err := transfer.Bad, error(nil)
	if have == p.GetTotal() {
		answer, err = m.mend(ask.Wound, raw)
	}
	if answer == transfer.Bad {
		c.Logger().Warn("a replica gave something wrong for what is damaged here", "replica", from, "height", ask.Wound.Height, "error", err)
	} else if err != nil {
		c.Logger().Warn("what is damaged here is not repaired yet", "height", ask.Wound.Height, "error", err)
	} else {
		c.Logger().Info("a damaged piece of the store is repaired", "from", from, "height", ask.Wound.Height, "record", ask.Wound.Key)
	}
	m.machine.OnAnswer(from, ask.Request, answer, now)
}

// mend checks a piece and writes it.
func (m *mending) mend(w transfer.Wound, raw []byte) (transfer.Answer, error) {
	if w.Kind == transfer.KindRecord {
		good, err := m.cfg.Repairs.MendRecord(w, raw)
		switch {
		case err != nil && good:
			return transfer.Preparing, err // not its fault
		case !good:
			return transfer.Bad, err
		}
		return transfer.Good, nil
	}
	var b actorspb.AgreedBlock
	if err := proto.Unmarshal(raw, &b); err != nil {
		return transfer.Bad, fmt.Errorf("%w: %w", errBlock, err)
	}
	before, hash, err := m.cfg.Repairs.Around(w.Height)
	if err != nil {
		return transfer.Preparing, err
	}
	block, err := m.check(&b, w.Height, hash)
	if errors.Is(err, errUncertified) {
		return transfer.Lacking, err
	}
	if err != nil {
		return transfer.Bad, err
	}
	sum := ledger.CommandsDigest(before, block.Header.Height, block.Header.Time, block.Commands.Commands)
	if err := m.cfg.Repairs.MendBlock(&b, block, sum); err != nil {
		return transfer.Preparing, err
	}
	return transfer.Good, nil
}

// check verifies a block of our own past: its certificate is of f + 1 replicas, so the
// block and its outcome are what all honest ones have at this height.
func (m *mending) check(raw *actorspb.AgreedBlock, h ledger.Height, hash ledger.Hash) (*snapshot.Block, error) {
	b, err := snapshot.NewBlock(raw.GetHeader(), raw.GetOutcome(), raw.GetTxs(), raw.GetResults())
	if err != nil {
		return nil, err
	}
	if b.Header.Height != h || b.Header.Ledger != m.cfg.Ledger || hash != (ledger.Hash{}) && b.Header.Hash() != hash {
		return nil, fmt.Errorf("%w: it is another block", errBlock)
	}
	if err := checkCommit(m.cfg, &b.Header, raw.GetCommit()); err != nil {
		return nil, err
	}
	if len(raw.GetCertificate()) == 0 {
		return nil, errUncertified
	}
	st := certificate.ExecutionStatement{Ledger: m.cfg.Ledger, Height: h, Block: b.Header.Hash(), StateRoot: b.Outcome.StateRoot, ResultsRoot: b.Outcome.ResultsRoot}
	if err := m.cfg.Public.Execution().Verify(st, raw.GetCertificate()); err != nil {
		return nil, fmt.Errorf("%w: %w", errBlock, err)
	}
	return b, nil
}
