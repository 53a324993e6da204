package replica

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/reads"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// What one read may return.
const (
	readLimit    = 100
	readLimitMax = 1000
	readBytesMax = 512 << 10

	// What a read may pass over because the reader may not see it.
	passedMax      = 10_000
	passedBytesMax = 16 << 20
)

// readClock is how far the time of a signed read may be from the replica's clock.
const readClock = time.Minute

// SignedState implements reads.Store.
func (l lookups) SignedState(m *ledgerpb.SignedRead, least ledger.Height) (*ledgerpb.StateReply, error) {
	refuse := func(format string, args ...any) (*ledgerpb.StateReply, error) {
		return nil, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_SIGNATURE, Message: fmt.Sprintf(format, args...)}
	}
	party, err := l.Party(ledger.Party(m.GetParty()))
	if err != nil {
		return nil, err
	}
	if party == nil || string(party.PublicKey) != string(m.GetPublicKey()) || len(m.GetPublicKey()) != ledger.PublicKeySize {
		return refuse("%s is not registered with this key", m.GetParty())
	}
	if d := l.clock().Sub(time.Unix(0, m.GetTime())).Abs(); d > readClock {
		return refuse("the read was signed %s from this replica's time; set the clock and sign again", d.Round(time.Second))
	}
	said := ledger.ReadStatement(l.ledger, party.Party, ledger.Time(m.GetTime()), m.GetRequest())
	if !signature.Verify(signature.PublicKey(m.GetPublicKey()), said, m.GetSignature()) {
		return refuse("the signature of the read does not verify")
	}
	var req ledgerpb.StateRequest
	if err := proto.Unmarshal(m.GetRequest(), &req); err != nil {
		return nil, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_MALFORMED, Message: "the request cannot be read"}
	}
	if req.GetTrial() != nil {
		return l.trial(party, &req)
	}
	return l.State(&req, party.Recipient(), least)
}

// State implements reads.Store.
func (l lookups) State(req *ledgerpb.StateRequest, reader ledger.Recipient, least ledger.Height) (*ledgerpb.StateReply, error) {
	if req.GetTrial() != nil {
		return nil, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_SIGNATURE, Message: "a trial is made for a party; sign the request as one"}
	}
	if req.GetReceipt() != "" {
		return l.signedReceipt(req.GetReceipt(), reader)
	}
	r := &stateRead{lookups: l, req: req, reader: reader, limit: readLimit, least: least}
	if n := int(req.GetLimit()); n > 0 {
		r.limit = min(n, readLimitMax)
	}
	audience := make([]ledger.Party, len(req.GetAudience()))
	for i, a := range req.GetAudience() {
		audience[i] = ledger.Party(a)
	}
	r.audience = ledger.NewAudience(audience...)
	if _, err := ledger.ParseAudience(r.audience.Encode()); err != nil {
		return nil, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_MALFORMED, Message: err.Error()}
	}
	if !state.Visible(r.audience, reader) {
		return nil, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_SIGNATURE, Message: "what only this audience may read is shown to its parties; sign the read as one of them"}
	}
	return r.answer()
}

// signedReceipt is the receipt of a transaction with the events that a reader may see.
func (l lookups) signedReceipt(text string, reader ledger.Recipient) (*ledgerpb.StateReply, error) {
	at, err := l.placeOf(text)
	if err != nil {
		return nil, err
	}
	raw, err := l.receiptFor(at, reader)
	if err == nil && raw == nil {
		err = &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_UNAVAILABLE, Later: true,
			Message: fmt.Sprintf("there is no receipt of transaction %s yet; its block is not certified, ask again", text)}
	}
	return &ledgerpb.StateReply{Height: uint64(at.Height), Receipt: raw}, err
}

// stateRead is one read under way.
type stateRead struct {
	lookups
	req      *ledgerpb.StateRequest
	reader   ledger.Recipient
	audience ledger.Audience
	limit    int
	least    ledger.Height // the reader has seen this block
	header   *ledger.Header
	read     map[string][]byte // records by place, of what is about to be proven
	reply    ledgerpb.StateReply
}

func (r *stateRead) answer() (*ledgerpb.StateReply, error) {
	at, err := r.chooseHeight()
	if err != nil {
		return nil, err
	}
	if at == 0 {
		return &r.reply, nil
	}
	release, err := r.pin(at)
	if err != nil {
		return nil, notRetained(err)
	}
	defer release()
	if r.header, err = r.records.header(at); err != nil {
		return nil, err
	}
	r.reply.Height, r.reply.Time = uint64(at), int64(r.header.Time)
	switch {
	// What goes on behind the longest key begins with one that is longer.
	case len(r.req.GetKey()) > state.KeyBytesMax || len(r.req.GetFrom()) > state.KeyBytesMax+1 || len(r.req.GetTo()) > state.KeyBytesMax:
		err = &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_MALFORMED, Message: fmt.Sprintf("a key has at most %d bytes", state.KeyBytesMax)}
	case len(r.req.GetKey()) > 0 && r.req.GetHistory():
		err = r.history(at)
	case len(r.req.GetKey()) > 0:
		err = r.key(at)
	case r.req.GetHistory():
		err = &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_MALFORMED, Message: "a history is of one key; name it"}
	case r.req.GetProve():
		err = r.provenRange(at)
	default:
		err = r.scan(at)
	}
	return &r.reply, err
}

// pin keeps what is read from being pruned meanwhile: of a history all that there is.
func (r *stateRead) pin(at ledger.Height) (release func(), err error) {
	release, err = r.Store.Pin(at)
	if err != nil || !r.req.GetHistory() {
		return release, err
	}
	if all, err := r.Store.Pin(r.OldestState()); err == nil {
		release() // all holds it, too
		release = all
	}
	return release, nil
}

// chooseHeight is the block as of which is read. What is proven must be certified; the
// newest block is a moment after it is stored.
func (r *stateRead) chooseHeight() (ledger.Height, error) {
	tip, _ := r.Tip()
	if h := ledger.Height(r.req.GetHeight()); h != 0 {
		if h > tip {
			return 0, fmt.Errorf("block %d: %w; the newest is %d", h, reads.ErrNotFound, tip)
		}
		return h, nil
	}
	if !r.req.GetProve() {
		return tip, nil
	}
	for h := tip; h > 0 && h >= r.least && h+certifiedWithin > tip; h-- {
		if _, ok, err := r.Certificate(h); ok || err != nil {
			return h, err
		}
	}
	return 0, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_UNAVAILABLE, Later: true, Message: "no new block is certified yet, so nothing can be proven; ask again"}
}

const certifiedWithin = 64

// sees tells whether the reader may see a record.
func (r *stateRead) sees(raw []byte) bool {
	rec, err := state.DecodeRecord(raw)
	return err == nil && state.Visible(rec.Audience, r.reader)
}

// show adds a record that the reader may see.
func (r *stateRead) show(key, raw []byte) error {
	e, err := client.StateEntry(key, raw)
	if err == nil {
		r.reply.Entries = append(r.reply.Entries, e)
	}
	return err
}

// scan reads what the reader may see of a range. Where it stopped tells nothing of records
// that the reader may not see: it goes on behind the last one that was shown.
func (r *stateRead) scan(at ledger.Height) error {
	it, err := r.Store.Scan(r.req.GetFrom(), r.req.GetTo(), at, false)
	if err != nil {
		return notRetained(err)
	}
	defer it.Close()
	var last []byte
	var over passed
	for size := 0; it.Next(); {
		if !r.sees(it.Value()) {
			if !over.enough(it.Value()) {
				continue
			}
			if last == nil {
				return &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_MALFORMED,
					Message: "too much lies between these keys that is not for this reader; ask for a smaller range, or with a proof for the records of one audience"}
			}
			r.reply.Next = state.Next(last)
			return nil
		}
		if last != nil && (len(r.reply.Entries) >= r.limit || size > readBytesMax) {
			r.reply.Next = state.Next(last)
			return nil
		}
		if err := r.show(it.Key(), it.Value()); err != nil {
			return err
		}
		last, size = it.Key(), size+len(it.Key())+len(it.Value())
	}
	return it.Err()
}

// passed counts what was read and is not shown.
type passed struct{ records, bytes int }

// enough counts one more, and tells whether that is as much as one read may pass over.
func (p *passed) enough(raw []byte) bool {
	p.records, p.bytes = p.records+1, p.bytes+len(raw)
	return p.records >= passedMax || p.bytes >= passedBytesMax
}

// key reads one record. Of what the reader may not see a proof shows what is true of it:
// that it is not among the records that every member may read, or those of the audience
// that was asked for.
func (r *stateRead) key(at ledger.Height) error {
	raw, found, err := r.Get(r.req.GetKey(), at)
	if err != nil {
		return notRetained(err)
	}
	seen := found && r.sees(raw)
	if !r.req.GetProve() {
		if seen {
			err = r.show(r.req.GetKey(), raw)
		}
		return err
	}
	place := state.Place(r.audience.Encode(), r.req.GetKey())
	if seen {
		if place, err = state.PlaceOf(r.req.GetKey(), raw); err != nil {
			return err
		}
	}
	r.reply.Proof, err = r.attest(at, place, state.Next(place))
	return err
}

// provenRange reads the records of one audience, of which a proof can show that there
// are no others. The proof holds them.
func (r *stateRead) provenRange(at ledger.Height) error {
	low, high := state.PlaceRange(r.audience.Encode(), r.req.GetFrom(), r.req.GetTo())
	t, err := r.Tree(at)
	if err != nil {
		return notRetained(err)
	}
	size := 0
	r.read = map[string][]byte{}
	err = t.Walk(low, high, func(place []byte, _ ledger.Hash) error {
		if len(r.read) >= r.limit || size > readBytesMax/2 {
			high = place
			return errEnough
		}
		raw, err := r.record(place, at)
		size += len(place) + len(raw)
		r.read[string(place)] = raw
		return err
	})
	if errors.Is(err, errEnough) {
		r.reply.Next, err = state.KeyOf(high)
	}
	if err != nil {
		return err
	}
	r.reply.Proof, err = r.attest(at, low, high)
	return err
}

var errEnough = errors.New("enough")

// record reads what the tree has at a place.
func (r *stateRead) record(place []byte, at ledger.Height) ([]byte, error) {
	if raw, known := r.read[string(place)]; known {
		return raw, nil
	}
	key, err := state.KeyOf(place)
	if err != nil {
		return nil, err
	}
	raw, found, err := r.Get(key, at)
	if err == nil && !found {
		err = r.damaged(place, "the record is missing")
	}
	return raw, err
}

// damaged notes that the record at a place is not the one in the state tree. The reader,
// who may not be allowed to know of it, is not told which one.
func (r *stateRead) damaged(place []byte, reason string) error {
	key, err := state.KeyOf(place)
	if err != nil {
		return err
	}
	r.Store.Note(storage.Finding{Kind: storage.DamagedRecord, Key: string(key), Reason: reason})
	return errDamaged{}
}

// errDamaged says that what was to be proven is damaged here.
type errDamaged struct{}

func (errDamaged) Error() string { return "a record that the proof needs is damaged" }

// Damaged marks it as one that comes of a damaged store.
func (errDamaged) Damaged() bool { return true }

// attest proves what stands in a range of places as of a certified block.
func (r *stateRead) attest(at ledger.Height, low, high []byte) ([]byte, error) {
	cert, ok, err := r.Certificate(at)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_UNAVAILABLE, Later: true, Message: fmt.Sprintf("block %d is not certified here; ask again, or for another block", at)}
	}
	header, err := r.records.header(at)
	if err != nil {
		return nil, notRetained(err)
	}
	outcome, err := r.Outcome(at)
	if err != nil {
		return nil, notRetained(err)
	}
	t, err := r.Tree(at)
	if err != nil {
		return nil, notRetained(err)
	}
	claim := &state.Claim{From: low, To: high}
	var shown []byte
	claim.Proof, err = t.Prove(low, high, func(place []byte) (ledger.Hash, error) {
		shown = place
		raw, err := r.record(place, at)
		if err == nil && inRange(place, low, high) {
			key, _ := state.KeyOf(place) // it was read by it
			claim.Records = append(claim.Records, state.Pair{Key: key, Value: raw})
		}
		return state.RecordHash(raw), err
	})
	switch {
	case errors.Is(err, tree.ErrRecord):
		return nil, r.damaged(shown, "the record is not the one in the state tree")
	case errors.Is(err, tree.ErrProofSize):
		return nil, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_MALFORMED, Message: tree.ErrProofSize.Error()}
	case err != nil:
		return nil, notRetained(err)
	}
	if !onlyOf(claim.Proof, low) {
		return nil, &reads.RefusedError{Refusal: ledgerpb.Refusal_REFUSAL_NOT_FOUND, Message: "there is no record of this audience, so nothing can be proven without showing records of another"}
	}
	a := &ledger.Attestation{Header: *header, Outcome: *outcome, Certificate: cert, Kind: ledger.AttestState, Claim: claim.Marshal()}
	return a.Marshal(), nil
}

// onlyOf tells whether a proof shows records of one audience, or for every member, and of
// no other: where an audience has none, the proof of that would show its neighbours.
func onlyOf(p state.Proof, low []byte) bool {
	open := state.AfterOpen()
	for i := range p {
		if k := p[i].Key; p[i].Kind == state.ProofLeaf && string(k) >= string(open) && !state.SameAudience(k, low) {
			return false
		}
	}
	return true
}

func inRange(place, low, high []byte) bool {
	return string(place) >= string(low) && (high == nil || string(place) < string(high))
}

// notRetained turns the store's words about heights into an answer.
func notRetained(err error) error {
	if errors.Is(err, storage.ErrPruned) || errors.Is(err, storage.ErrAhead) || errors.Is(err, storage.ErrNotHeld) {
		return fmt.Errorf("%w: %w; ask another client node, or for a newer block", reads.ErrNotFound, err)
	}
	return err
}
