package replica

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/reads"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// What one read may return.
const (
	readLimit      = 100
	readLimitMax   = 1000
	readBytesMax   = 512 << 10
	provenVersions = 16 // each takes a tree of its own
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
	return l.State(&req, party.Recipient(), least)
}

// State implements reads.Store.
func (l lookups) State(req *ledgerpb.StateRequest, reader ledger.Recipient, least ledger.Height) (*ledgerpb.StateReply, error) {
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
	if r.header, err = r.records.header(at); err != nil {
		return nil, err
	}
	r.reply.Height, r.reply.Time = uint64(at), int64(r.header.Time)
	switch {
	case len(r.req.GetKey()) > state.KeyBytesMax || len(r.req.GetFrom()) > state.KeyBytesMax || len(r.req.GetTo()) > state.KeyBytesMax:
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

func (r *stateRead) scan(at ledger.Height) error {
	it, err := r.Store.Scan(r.req.GetFrom(), r.req.GetTo(), at, false)
	if err != nil {
		return notRetained(err)
	}
	defer it.Close()
	for size := 0; it.Next(); {
		if len(r.reply.Entries) >= r.limit || size > readBytesMax {
			r.reply.Next = it.Key()
			break
		}
		if r.show(it.Key(), it.Value()) {
			size += len(it.Key()) + len(it.Value())
		}
	}
	return it.Err()
}

// show adds a record, if the reader may see it.
func (r *stateRead) show(key, raw []byte) bool {
	rec, err := state.DecodeRecord(raw)
	if err != nil || !state.Visible(rec.Audience, r.reader) {
		return false
	}
	r.reply.Entries = append(r.reply.Entries, entryOf(key, &rec))
	return true
}

func entryOf(key []byte, rec *state.Record) *ledgerpb.StateEntry {
	e := &ledgerpb.StateEntry{Key: key, Value: rec.Value, Height: uint64(rec.Height), TxId: rec.TxID.String()}
	for _, p := range rec.Audience {
		e.Audience = append(e.Audience, string(p))
	}
	return e
}

// key reads one record. Of what the reader may not see a proof shows what is true of it:
// that it is not among the records that every member may read.
func (r *stateRead) key(at ledger.Height) error {
	raw, found, err := r.Get(r.req.GetKey(), at)
	if err != nil {
		return notRetained(err)
	}
	audience := r.audience.Encode()
	if found && r.show(r.req.GetKey(), raw) {
		audience = audienceOf(raw)
	}
	if !r.req.GetProve() {
		return nil
	}
	place := state.Place(audience, r.req.GetKey())
	r.reply.Proof, err = r.attest(at, place, state.Next(place))
	return err
}

// audienceOf is the encoded audience of a record that was decoded before.
func audienceOf(raw []byte) []byte {
	rec, err := state.DecodeRecord(raw)
	if err != nil {
		return nil
	}
	return rec.Audience.Encode()
}

// provenRange reads the records of one audience, of which a proof can show that there
// are no others.
func (r *stateRead) provenRange(at ledger.Height) error {
	low, high := state.PlaceRange(r.audience.Encode(), r.req.GetFrom(), r.req.GetTo())
	t, err := r.Tree(at)
	if err != nil {
		return notRetained(err)
	}
	size := 0
	r.read = map[string][]byte{}
	err = t.Walk(low, high, func(place []byte, _ ledger.Hash) error {
		key, err := state.KeyOf(place)
		if err != nil {
			return err
		}
		if len(r.reply.Entries) >= r.limit || size > readBytesMax/2 {
			r.reply.Next, high = key, place
			return errEnough
		}
		raw, _, err := r.Get(key, at)
		if err != nil {
			return err
		}
		size += len(key) + len(raw)
		r.read[string(place)] = raw
		r.show(key, raw)
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	r.reply.Proof, err = r.attest(at, low, high)
	return err
}

var errEnough = errors.New("enough")

// history reads the versions of a key, newest first. What is proven of each is the last
// block in which it was so; as a record tells in which block it was written, that leaves
// no gap to the version before.
func (r *stateRead) history(at ledger.Height) error {
	limit := r.limit
	if r.req.GetProve() {
		limit = min(limit, provenVersions)
	}
	versions, _, err := r.Store.History(r.req.GetKey(), at, limit, readBytesMax)
	if err != nil {
		return notRetained(err)
	}
	until := at
	for _, v := range versions {
		until, err = r.version(v, until)
		if err != nil {
			return err
		}
	}
	if len(versions) == limit {
		r.reply.Next = r.req.GetKey()
	}
	return nil
}

// version shows one version, which was so up to a block, and returns up to which the one
// before was.
func (r *stateRead) version(v storage.Version, until ledger.Height) (ledger.Height, error) {
	before := v.Height - 1
	if v.Deleted {
		// Only whoever could read the record is told that it went.
		last, found, err := r.Get(r.req.GetKey(), before)
		if err != nil || !found || !state.Visible(mustAudience(last), r.reader) {
			return before, nil // it is pruned, or never was
		}
		r.reply.Entries = append(r.reply.Entries, &ledgerpb.StateEntry{Key: r.req.GetKey(), Height: uint64(v.Height), Deleted: true})
		return before, nil
	}
	if !r.show(r.req.GetKey(), v.Value) || !r.req.GetProve() {
		return before, nil
	}
	place := state.Place(audienceOf(v.Value), r.req.GetKey())
	raw, err := r.attest(until, place, state.Next(place))
	if err == nil {
		r.reply.Entries[len(r.reply.Entries)-1].Proof = raw
	}
	return before, err
}

func mustAudience(raw []byte) ledger.Audience {
	rec, err := state.DecodeRecord(raw)
	if err != nil {
		return ledger.Audience{""} // nobody
	}
	return rec.Audience
}

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
		return nil, err
	}
	outcome, err := r.Outcome(at)
	if err != nil {
		return nil, err
	}
	t, err := r.Tree(at)
	if err != nil {
		return nil, notRetained(err)
	}
	claim := &state.Claim{From: low, To: high}
	claim.Proof, err = t.Prove(low, high, func(place []byte) (ledger.Hash, error) {
		key, err := state.KeyOf(place)
		if err != nil {
			return ledger.Hash{}, err
		}
		raw, known := r.read[string(place)]
		if !known {
			raw, _, err = r.Get(key, at)
		}
		if err == nil && inRange(place, low, high) {
			claim.Records = append(claim.Records, state.Pair{Key: key, Value: raw})
		}
		return state.RecordHash(raw), err
	})
	if err != nil {
		return nil, err
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
