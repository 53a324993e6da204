package execution

import (
	"bytes"
	"fmt"
	"log/slog"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// chain is the state of execution after a block.
type chain struct {
	id      ledger.ID
	epoch   ledger.Epoch
	limits  ledger.Limits
	height  ledger.Height
	hash    ledger.Hash // of the newest block's header; the ledger id at height 0
	time    ledger.Time // of the newest block
	sum     ledger.Hash // of all commands up to it
	tree    *tree.Tree
	values  *values
	window  *window
	modules *contracts.Modules
	shadow  *contracts.Shadow // nil: nothing is run a second time
	logger  *slog.Logger
	genesis []state.Change // entered with the first block
}

// executor runs one block's transactions.
type executor struct {
	chain   *chain
	overlay *overlay
	header  ledger.Header
	block   *actorspb.ExecutedBlock
	parties map[ledger.Party]*ledger.PartyRecord // read in this block; looked up only
	bytes   int                                  // of kept changes, outputs and events
	trace   contracts.Trace                      // nil but in a trial
}

// blockBytesMax bounds what a block's transactions write and return together, so
// that a block fits into one commit of the store. What would go beyond is refused.
const blockBytesMax = 16 << 20

// execute runs the next block and moves the chain to it. An error is local (the
// store cannot be read); no transaction can cause one.
func (c *chain) execute(d actorspb.Decided) (*actorspb.ExecutedBlock, error) {
	header := ledger.Header{Ledger: c.id, Epoch: c.epoch, Height: c.height + 1, Parent: c.hash,
		Time: ledger.BlockTime(c.time, d.Body.Time), Proposed: d.Body.Time, TxRoot: d.Body.Root, TxCount: uint32(len(d.Body.Txs))} // #nosec G115 -- bounded by the block
	b := &actorspb.ExecutedBlock{Header: header, Hash: header.Hash(), Body: d.Body, Proof: d.Proof}
	x := &executor{chain: c, overlay: newOverlay(c.values), header: header, block: b, parties: map[ledger.Party]*ledger.PartyRecord{}}
	if c.height == 0 {
		for _, g := range c.genesis {
			x.overlay.Set(g.Key, g.Value)
		}
		x.overlay.keep()
	}
	c.window.advance(header.Time)
	seen := map[ledger.Hash]uint32{}
	leaves := make([][]byte, 0, len(d.Body.Txs))
	for i, raw := range d.Body.Txs {
		r, err := x.transaction(uint32(i), raw, seen) // #nosec G115 -- bounded by the block
		if err != nil {
			return nil, fmt.Errorf("execute transaction %d of block %d: %w", i, header.Height, err)
		}
		b.Results = append(b.Results, r)
		b.TxIDs = append(b.TxIDs, r.TxID)
		leaves = append(leaves, r.Leaf())
	}
	b.Changes = x.overlay.changes()
	changes, err := c.placed(b.Changes)
	if err != nil {
		return nil, fmt.Errorf("execute block %d: %w", header.Height, err)
	}
	b.ResultsTree = ledger.NewMerkleTree(leaves)
	for i := range changes {
		b.Places = append(b.Places, changes[i].Key)
	}
	if b.Tree, err = c.tree.Apply(changes); err != nil {
		return nil, fmt.Errorf("execute block %d: %w", header.Height, err)
	}
	b.Outcome = ledger.Outcome{StateRoot: b.Tree.Root(), ResultsRoot: b.ResultsTree.Root()}
	b.CommandsSum = ledger.CommandsDigest(c.sum, header.Height, header.Time, executedCommands(b.Commands))
	c.tree, c.height, c.hash, c.time, c.sum = b.Tree, header.Height, b.Hash, header.Time, b.CommandsSum
	c.values.apply(header.Height, b.Changes)
	for _, cmd := range b.Commands {
		c.window.add(cmd.Key, cmd.Place, cmd.Expires)
	}
	return b, nil
}

// placed are the changes as the state tree takes them: a record whose audience changes
// moves to another place.
func (c *chain) placed(changes []state.Change) ([]tree.Change, error) {
	out := make([]tree.Change, 0, len(changes))
	for i := range changes {
		ch := &changes[i]
		old, err := c.values.get(ch.Key)
		if err != nil {
			return nil, err
		}
		var before []byte
		if old != nil {
			if before, err = state.PlaceOf(ch.Key, old); err != nil {
				return nil, err
			}
		}
		var now tree.Change
		if !ch.Delete {
			if now, err = tree.Set(ch.Key, ch.Value); err != nil {
				return nil, err
			}
		}
		if before != nil && !bytes.Equal(before, now.Key) {
			out = append(out, tree.Change{Key: before, Remove: true})
		}
		if !ch.Delete {
			out = append(out, now)
		}
	}
	return out, nil
}

func executedCommands(list []actorspb.Command) []ledger.ExecutedCommand {
	out := make([]ledger.ExecutedCommand, len(list))
	for i, c := range list {
		out[i] = ledger.ExecutedCommand{Key: c.Key, Index: c.Place.Index, Expires: c.Expires}
	}
	return out
}

// transaction executes one envelope. seen holds the block's own commands.
func (x *executor) transaction(index uint32, raw []byte, seen map[ledger.Hash]uint32) (*ledger.Result, error) {
	e, err := ledger.ParseEnvelope(raw)
	if err != nil {
		return &ledger.Result{Status: ledger.StatusMalformed, Message: "malformed envelope"}, nil
	}
	r := &ledger.Result{TxID: ledger.TransactionID(e.Payload)}
	tx, err := ledger.ParseTransaction(e.Payload)
	if err != nil || tx.Ledger != x.chain.id {
		r.Status, r.Message = ledger.StatusMalformed, "no transaction of this ledger"
		return r, nil
	}
	if ok, err := x.admit(tx, &e, r); !ok {
		return r, err
	}
	key := ledger.CommandKey(tx.Party, tx.Command)
	if first, ok := x.first(key, seen); ok {
		r.Status, r.First, r.Message = ledger.StatusDuplicate, first, "the command was executed before"
		return r, nil
	}
	seen[key], r.Command = index, key
	x.block.Commands = append(x.block.Commands, actorspb.Command{Key: key,
		Place: ledger.Place{Height: x.header.Height, Index: index}, Expires: tx.ValidUntil})
	return r, x.run(tx, r)
}

func (x *executor) first(key ledger.Hash, seen map[ledger.Hash]uint32) (ledger.Place, bool) {
	if i, ok := seen[key]; ok {
		return ledger.Place{Height: x.header.Height, Index: i}, true
	}
	return x.chain.window.find(key, x.header.Time)
}

// admit applies the rules that hold for every transaction, against the state
// before it: the signer is registered with the signing key, and the block's time
// lies in the transaction's validity.
func (x *executor) admit(tx *ledger.Transaction, e *ledger.Envelope, r *ledger.Result) (bool, error) {
	party, err := x.knownParty(tx.Party)
	switch {
	case err != nil:
		return false, err
	case party == nil || !bytes.Equal(party.PublicKey, e.PublicKey[:]):
		r.Status, r.Message = ledger.StatusUnknownSigner, fmt.Sprintf("%s is not registered with this key", tx.Party)
		return false, nil
	case x.header.Time > tx.ValidUntil:
		r.Status, r.Message = ledger.StatusExpired, "its validity ended before the block"
		return false, nil
	case tx.ValidUntil-x.header.Time > ledger.Time(x.chain.limits.ValidityMax):
		r.Status, r.Message = ledger.StatusRefused, "its validity reaches further ahead than the ledger's limit"
		return false, nil
	}
	return true, nil
}

func (x *executor) knownParty(p ledger.Party) (*ledger.PartyRecord, error) {
	if rec, ok := x.parties[p]; ok {
		return rec, nil
	}
	rec, err := x.party(p)
	if err == nil {
		x.parties[p] = rec
	}
	return rec, err
}

// run executes the call; what did not succeed changes nothing.
func (x *executor) run(tx *ledger.Transaction, r *ledger.Result) error {
	party, err := x.knownParty(tx.Party)
	if err != nil {
		return err
	}
	x.overlay.from = state.Provenance{Height: x.header.Height, TxID: r.TxID}
	if tx.Contract == SystemContract {
		err = x.system(tx, party, r)
	} else {
		err = x.contract(tx, party, r)
	}
	if err != nil {
		return err
	}
	if r.Status == ledger.StatusOK {
		x.room(r)
	}
	if r.Status != ledger.StatusOK {
		r.Output, r.Events = nil, nil
		x.overlay.drop()
		return nil
	}
	x.overlay.keep()
	if tx.Contract == SystemContract {
		clear(x.parties) // a registration may have changed one
	}
	return nil
}

// room refuses what the block has no room for.
func (x *executor) room(r *ledger.Result) {
	size := x.overlay.stagedBytes() + len(r.Output)
	for i := range r.Events {
		size += len(r.Events[i].Data) + len(r.Events[i].Topic) + len(r.Events[i].Audience)
	}
	if x.bytes+size > blockBytesMax {
		r.Status, r.Message = ledger.StatusRefused, "the block has no room for its changes; submit it again as a new command"
		return
	}
	x.bytes += size
}
