package catchup

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
)

// history fetches the blocks below a store's base, from the newest to the oldest, when
// this replica has nothing else to do: without it the ledger's past would be gone
// when each replica has been replaced once. A block is known by its hash, which the
// block above names; its outcome by the execution certificate; its commands by the
// chain of digests.
type history struct {
	cfg      *Config
	heights  []ledger.Height
	barred   []int64
	next     int
	requests uint64
	pending  ledger.ReplicaID
	request  uint64 // 0: none
	sent     int64
	due      int64 // not before: history has a fifth of one core at most
	above    *expectation
	large    ledger.Height // too large for one message: it is fetched in parts
	raw      []byte        // of it, so far
}

// expectation is what the block below the base must be.
type expectation struct {
	height ledger.Height
	hash   ledger.Hash
	sum    ledger.Hash
}

// historyBlocks are asked for at once; few, because it is done beside the work.
const historyBlocks = 16

// historyRequests are numbered apart from those for blocks.
const historyRequests = 1 << 62

// errUncertified means that a source has no certificate of a block's outcome. It may be
// honest: a replica that was away can have missed it.
var errUncertified = errors.New("the outcome of an old block has no certificate there")

func newHistory(cfg *Config) *history {
	return &history{cfg: cfg, heights: make([]ledger.Height, cfg.Params.Replicas), barred: make([]int64, cfg.Params.Replicas)}
}

func (h *history) onPeer(from ledger.ReplicaID, stable ledger.Height) {
	if int(from) < len(h.heights) && from != h.cfg.Params.Self {
		h.heights[from] = stable
	}
}

// missing is the oldest block here; 0: no older one is wanted.
func (h *history) missing() ledger.Height {
	if h.cfg.Older != nil && !h.cfg.Older() {
		return 0
	}
	return h.cfg.Snapshots.Base()
}

// ask sends one request at a time.
func (h *history) ask(c *shell.Context, now int64) {
	base := h.missing()
	if base <= 1 {
		return
	}
	if h.request != 0 {
		if now-h.sent < h.cfg.Params.Timeout {
			return
		}
		h.request, h.barred[h.pending] = 0, now+h.cfg.Params.Penalty
	}
	if now < h.due {
		return
	}
	for range h.heights {
		h.next = (h.next + 1) % len(h.heights)
		if h.heights[h.next] < base || h.barred[h.next] > now {
			continue
		}
		h.requests++
		h.pending, h.request, h.sent = ledger.ReplicaID(h.next), historyRequests+h.requests, now // #nosec G115 -- below n
		if h.large == base-1 {
			h.raw = nil
			h.fetchLarge(c)
			return
		}
		c.Tell(h.cfg.Peer(h.pending), &actorspb.FetchBlocks{Request: h.request, From: uint64(base - 1), Max: historyBlocks, BytesMax: requestBytes, Older: true})
		return
	}
}

func (h *history) fetchLarge(c *shell.Context) {
	c.Tell(h.cfg.Peer(h.pending), &actorspb.FetchSnapshot{Request: h.request, Height: uint64(h.large), Kind: uint32(transfer.KindBlock), Offset: uint64(len(h.raw))})
}

// onPiece takes a part of a large block.
func (h *history) onPiece(c *shell.Context, from ledger.ReplicaID, m *actorspb.SnapshotPiece, now int64) {
	h.raw = append(h.raw, m.GetPayload()...)
	have := uint64(len(h.raw))
	if m.GetAnswer() == uint32(transfer.Good) && have < m.GetTotal() && m.GetTotal() <= pieceBytesMax && len(m.GetPayload()) >= rangeBytes {
		h.sent = now
		h.fetchLarge(c)
		return
	}
	var b actorspb.AgreedBlock
	if m.GetAnswer() != uint32(transfer.Good) || have != m.GetTotal() || proto.Unmarshal(h.raw, &b) != nil {
		h.request, h.barred[from] = 0, now+h.cfg.Params.Penalty
		return
	}
	h.take(c, from, &actorspb.Blocks{Blocks: []*actorspb.AgreedBlock{&b}}, now)
}

func (h *history) wants(from ledger.ReplicaID, request uint64) bool {
	return h.request != 0 && h.request == request && h.pending == from
}

// serve reads blocks downwards.
func (h *history) serve(c *shell.Context, m *actorspb.FetchBlocks) {
	tip, _ := h.cfg.Blocks.Tip()
	out := &actorspb.Blocks{Request: m.GetRequest(), From: m.GetFrom(), Tip: uint64(tip)}
	size := 0
	for at := ledger.Height(m.GetFrom()); at >= h.cfg.Blocks.Oldest() && at <= tip && len(out.Blocks) < int(min(m.GetMax(), historyBlocks)); at-- {
		b, err := h.cfg.Snapshots.Whole(at)
		if err != nil {
			c.Logger().Warn("a block that another replica asks for cannot be read", "height", at, "error", err)
			break
		}
		for _, item := range slices.Concat(b.GetTxs(), b.GetResults()) {
			size += len(item)
		}
		if size > replyBytes {
			break
		}
		out.Blocks = append(out.Blocks, b)
	}
	c.Tell(c.Sender(), out)
}

func (h *history) take(c *shell.Context, from ledger.ReplicaID, m *actorspb.Blocks, now int64) {
	began := h.cfg.Clock()
	defer func() { h.due = now + 5*int64(h.cfg.Clock().Sub(began)) }()
	h.request = 0
	if len(m.GetBlocks()) == 0 {
		// It does not have the block, or cannot send it as a whole.
		h.barred[from] = now + h.cfg.Params.Penalty
		h.large = h.cfg.Snapshots.Base() - 1
		return
	}
	for _, raw := range m.GetBlocks()[:min(len(m.GetBlocks()), historyBlocks)] {
		want, err := h.expected()
		if err != nil {
			c.Logger().Error("the oldest block cannot be read", "error", err)
			return
		}
		block, before, err := h.check(raw, want)
		if errors.Is(err, errUncertified) {
			h.barred[from] = now + h.cfg.Params.Penalty // another one may have it
			return
		}
		if err != nil {
			h.barred[from] = now + h.cfg.Params.Penalty
			c.Logger().Warn("a replica served an old block that does not hold", "replica", from, "height", want.height, "error", err)
			return
		}
		if err := h.cfg.Snapshots.PutOlder(raw, block, want.sum); err != nil {
			c.Logger().Warn("an old block cannot be kept", "height", want.height, "error", err)
			return
		}
		h.above = &expectation{height: want.height - 1, hash: block.Header.Parent, sum: before}
		if want.height == 1 {
			c.Logger().Info("all blocks of the past are here")
			return
		}
	}
}

// expected reads from the store what the block below the base must be.
func (h *history) expected() (*expectation, error) {
	base := h.cfg.Snapshots.Base()
	if h.above != nil && h.above.height == base-1 {
		return h.above, nil
	}
	b, err := h.cfg.Snapshots.Whole(base)
	if err != nil {
		return nil, err
	}
	header, err := ledger.ParseHeader(b.GetHeader())
	if err != nil {
		return nil, err
	}
	sum, err := ledger.HashFromBytes(b.GetCommandsBefore())
	return &expectation{height: base - 1, hash: header.Parent, sum: sum}, err
}

// check verifies an old block, and returns the chain of commands before it.
func (h *history) check(raw *actorspb.AgreedBlock, want *expectation) (*snapshot.Block, ledger.Hash, error) {
	b, err := snapshot.NewBlock(raw.GetHeader(), raw.GetOutcome(), raw.GetTxs(), raw.GetResults())
	if err != nil {
		return nil, ledger.Hash{}, err
	}
	if b.Header.Height != want.height || b.Header.Hash() != want.hash {
		return nil, ledger.Hash{}, fmt.Errorf("%w: it is not the parent of the block above", errBlock)
	}
	if err := checkCommit(h.cfg, &b.Header, raw.GetCommit()); err != nil {
		return nil, ledger.Hash{}, err
	}
	if len(raw.GetCertificate()) == 0 {
		return nil, ledger.Hash{}, errUncertified
	}
	st := certificate.ExecutionStatement{Ledger: h.cfg.Ledger, Height: b.Header.Height, Block: want.hash,
		StateRoot: b.Outcome.StateRoot, ResultsRoot: b.Outcome.ResultsRoot}
	if err := h.cfg.Public.Execution().Verify(st, raw.GetCertificate()); err != nil {
		return nil, ledger.Hash{}, fmt.Errorf("%w: %w", errBlock, err)
	}
	before, err := ledger.HashFromBytes(raw.GetCommandsBefore())
	if err != nil {
		return nil, ledger.Hash{}, fmt.Errorf("%w: %w", errBlock, err)
	}
	if ledger.CommandsDigest(before, b.Header.Height, b.Header.Time, b.Commands.Commands) != want.sum {
		return nil, ledger.Hash{}, fmt.Errorf("%w: its commands are not those that were certified", errBlock)
	}
	return b, before, nil
}
