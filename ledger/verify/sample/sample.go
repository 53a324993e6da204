// Package sample makes ledgers with real keys, signatures and certificates, but without
// replicas, a network or contracts: for tests of what verifies ledgers. Only tests
// import it.
package sample

import (
	"fmt"
	"io"
	"time"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
)

// Ledger grows block by block.
type Ledger struct {
	Genesis []byte
	ID      ledger.ID

	public  *certificate.Public
	private []*certificate.Private
	signers []certificate.Signer
	party   signature.PrivateKey
	tree    *tree.Tree
	values  map[string][]byte

	// Lie changes what a block is made of, before the replicas sign it: they sign whatever
	// it is. Nil: they are honest.
	Lie func(*Draft)

	height ledger.Height
	parent ledger.Hash
	time   ledger.Time
	sum    ledger.Hash
	number int // of transactions so far
}

// Party signs all transactions.
const Party ledger.Party = "alice@org0"

// second is the time between blocks.
const second = ledger.Time(time.Second)

// New founds a ledger of four replicas. Equal random bytes give equal ledgers.
func New(random io.Reader, scheme string) (*Ledger, error) {
	q := quorum.Config{F: 1}
	l := &Ledger{tree: tree.New(nil), values: map[string][]byte{}, time: 1_700_000_000 * second}
	var err error
	if l.public, l.private, err = certificate.Deal(random, q, scheme); err != nil {
		return nil, err
	}
	if l.party, err = signature.Generate(random); err != nil {
		return nil, err
	}
	key := l.party.Public()
	g := ledger.Genesis{Version: ledger.GenesisVersion, Name: "sample", F: 1, Scheme: scheme, Keys: l.public.Marshal(),
		Created: time.Unix(1_700_000_000, 0).UTC(), Limits: ledger.DefaultLimits(),
		Parties: []ledger.PartyRecord{{Party: Party, Organisation: "org0", PublicKey: key[:]}}}
	for i, p := range l.private {
		s, err := p.Signer()
		if err != nil {
			return nil, err
		}
		l.signers = append(l.signers, s)
		g.Members = append(g.Members, ledger.Member{ID: p.ID().String(), Kind: ledger.MemberReplica, Organisation: fmt.Sprintf("org%d", i),
			NKey: "U", Certificate: make([]byte, ledger.HashSize), SigningKey: key[:]})
	}
	if l.Genesis, err = g.Marshal(); err != nil {
		return nil, err
	}
	l.ID = ledger.GenesisID(l.Genesis)
	l.parent = l.ID
	return l, nil
}

// Key is Party's.
func (l *Ledger) Key() signature.PrivateKey { return l.party }

// Block is a block with what a store keeps of it besides.
type Block struct {
	chain.Block
	Hash    ledger.Hash
	TxIDs   []ledger.Hash
	Changes []state.Change
	Places  [][]byte
	Tree    *tree.Tree
}

// Draft is a block that nobody has signed yet. Its roots follow from it.
type Draft struct {
	Header  ledger.Header
	Txs     [][]byte
	Results []*ledger.Result
}

// Next makes a block of n transactions. Of each ten one is refused by its contract and
// one is nonsense; the others change a record. Without certify nobody certifies the
// outcome.
func (l *Ledger) Next(n int, certify bool) (*Block, error) {
	l.height++
	proposed := l.time + second
	if l.height%5 == 0 {
		proposed = l.time - second // a new view brought an older proposal
	}
	d := &Draft{Header: ledger.Header{Ledger: l.ID, Height: l.height, Parent: l.parent, Time: ledger.BlockTime(l.time, proposed), Proposed: proposed}}
	var commands []ledger.ExecutedCommand
	var changes []state.Change
	for i := range n {
		raw, r, expires := l.transaction(d.Header.Time)
		d.Txs, d.Results = append(d.Txs, raw), append(d.Results, r)
		if !r.Command.IsZero() {
			commands = append(commands, ledger.ExecutedCommand{Key: r.Command, Index: uint32(i), Expires: expires}) // #nosec G115 -- few
		}
		if r.Status == ledger.StatusOK {
			changes = append(changes, l.change())
		}
	}
	if l.Lie != nil {
		l.Lie(d)
	}
	return l.sign(d, changes, commands, certify)
}

// sign makes the block that a draft becomes.
func (l *Ledger) sign(d *Draft, changes []state.Change, commands []ledger.ExecutedCommand, certify bool) (*Block, error) {
	h := &d.Header
	h.TxRoot, h.TxCount = ledger.NewMerkleTree(d.Txs).Root(), uint32(len(d.Txs)) // #nosec G115 -- few
	b := &Block{Block: chain.Block{Height: l.height, Txs: d.Txs}, Changes: changes}
	var leaves [][]byte
	for _, r := range d.Results {
		b.TxIDs = append(b.TxIDs, r.TxID)
		b.Results = append(b.Results, r.Marshal())
		leaves = append(leaves, r.Leaf())
	}
	var placed []tree.Change
	for _, c := range changes {
		set, err := tree.Set(c.Key, c.Value)
		if err != nil {
			return nil, err
		}
		b.Places = append(b.Places, set.Key)
		placed = append(placed, set)
	}
	var err error
	if l.tree, err = l.tree.Apply(placed); err != nil {
		return nil, err
	}
	b.Tree = l.tree
	o := ledger.Outcome{StateRoot: l.tree.Root(), ResultsRoot: ledger.NewMerkleTree(leaves).Root()}
	l.parent, l.time, l.sum = h.Hash(), h.Time, ledger.CommandsDigest(l.sum, h.Height, h.Time, commands)
	b.Hash, b.Header, b.Outcome, b.Commands = l.parent, h.Marshal(), o.Marshal(), l.sum
	if b.Commit, err = l.commit(h); err == nil && certify {
		b.Certificate, err = l.certify(h, &o)
	}
	return b, err
}

// transaction makes the next one with its result.
func (l *Ledger) transaction(at ledger.Time) ([]byte, *ledger.Result, ledger.Time) {
	l.number++
	if l.number%10 == 9 {
		return fmt.Appendf(nil, "nonsense %d", l.number), &ledger.Result{Status: ledger.StatusMalformed, Message: "malformed envelope"}, 0
	}
	tx := ledger.Transaction{Ledger: l.ID, Party: Party, Command: fmt.Appendf(nil, "command %d", l.number), Contract: "token", Method: "transfer",
		Args: fmt.Appendf(nil, "%0120d", l.number), ValidUntil: at + 60*second}
	raw := l.Sign(&tx)
	r := &ledger.Result{TxID: ledger.TransactionID(tx.Marshal()), Command: ledger.CommandKey(tx.Party, tx.Command), GasUsed: 77, Output: []byte("done"),
		Events: []ledger.Event{{Contract: "token", Topic: "transfer", Data: []byte("data")}}}
	if l.number%10 == 4 {
		r.Status, r.Code, r.Message, r.Output, r.Events = ledger.StatusContractError, 2, "too little", nil, nil
	}
	return raw, r, tx.ValidUntil
}

// Sign makes the envelope of a transaction of Party's.
func (l *Ledger) Sign(tx *ledger.Transaction) []byte {
	e := ledger.Envelope{Payload: tx.Marshal(), PublicKey: l.party.Public()}
	copy(e.Signature[:], l.party.Sign(ledger.SignedBytes(e.Payload)))
	return e.Marshal()
}

// records is how many the state has at most.
const records = 1000

func (l *Ledger) change() state.Change {
	key := fmt.Sprintf("balance/%d", l.number%records)
	var audience ledger.Audience
	if l.number%records%7 == 3 {
		audience = ledger.NewAudience(Party)
	}
	l.values[key] = state.EncodeRecord(audience.Encode(), state.Provenance{Height: l.height}, fmt.Appendf(nil, "%d", l.number))
	return state.Change{Key: []byte(key), Value: l.values[key]}
}

// Records are those of the newest block, in the order of their places.
func (l *Ledger) Records() []state.Pair {
	var out []state.Pair
	_ = l.tree.Walk(nil, nil, func(place []byte, _ ledger.Hash) error { // in memory: no error
		key, err := state.KeyOf(place)
		out = append(out, state.Pair{Key: key, Value: l.values[string(key)]})
		return err
	})
	return out
}

// commit agrees on the block, in turns on the fast and on the slow path.
func (l *Ledger) commit(h *ledger.Header) ([]byte, error) {
	p := certificate.Finality{View: ledger.View(h.Height / 100), Fast: h.Height%2 == 0}
	st := p.Statement(l.ID, 0, ledger.Seq(h.Height), h.ProposalDigest())
	var shares []certificate.Share
	for _, s := range l.signers {
		share, err := s.Sign(st)
		if err != nil {
			return nil, err
		}
		shares = append(shares, share)
	}
	c, _, err := l.public.Commit().Combine(st, shares)
	p.Certificate = c
	return p.Marshal(), err
}

func (l *Ledger) certify(h *ledger.Header, o *ledger.Outcome) ([]byte, error) {
	st := certificate.ExecutionStatement{Ledger: l.ID, Height: h.Height, Block: h.Hash(), StateRoot: o.StateRoot, ResultsRoot: o.ResultsRoot}
	shares := []certificate.Share{l.private[0].ExecutionSigner().Sign(st), l.private[2].ExecutionSigner().Sign(st)}
	c, _, err := l.public.Execution().Combine(st, shares)
	return c, err
}
