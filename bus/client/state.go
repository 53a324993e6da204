package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/verify"
)

// ErrAnswer is wrapped by errors about answers whose proof holds, but answers another
// question, or not all of it.
var ErrAnswer = errors.New("the proof does not answer the question")

// State reads records of the state. With reader it is signed, and shows what only that
// party may read. If the request asks for a proof, the answer was verified, and holds as of
// the block that it names:
//
//   - its records are what the ledger certified;
//   - of a range, no record of the audience that the request names is left out before Next;
//     none named: of those for every member;
//   - that a key has no record is proven for that audience alone. A signed read of a key that
//     names none could be told that a record is absent which only some may read; it is
//     refused with ErrAnswer;
//   - of a history each version was there from the block that wrote it to the one before the
//     next version, or before the one that removed it. Unless it goes on, the block before the
//     oldest version had no record, nor had, without any version, the block that is named; and
//     none had the block that removed the key and the last one before the next version.
//
// What a history does not prove is what was between those blocks, and before: a key that was
// absent may have come and gone.
func (c *Client) State(ctx context.Context, req *ledgerpb.StateRequest, reader *Signer) (*ledgerpb.StateReply, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	look := &ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_State{State: req}}
	if reader != nil {
		raw, err := proto.Marshal(req)
		if err != nil {
			return nil, fmt.Errorf("encode a request: %w", err)
		}
		now := ledger.Time(time.Now().UnixNano())
		public := reader.Key.Public()
		look.What = &ledgerpb.LookupRequest_Signed{Signed: &ledgerpb.SignedRead{Request: raw, Party: string(reader.Party), Time: int64(now),
			PublicKey: public[:], Signature: reader.Key.Sign(ledger.ReadStatement(c.opt.LedgerID, reader.Party, now, raw))}}
	}
	reply, err := c.Lookup(ctx, look)
	for refused := new(RefusedError); errors.As(err, &refused) && refused.RetryAfter > 0; reply, err = c.Lookup(ctx, look) {
		select { // the newest block is not certified yet
		case <-ctx.Done():
			return nil, err
		case <-time.After(refused.RetryAfter):
		}
	}
	if err != nil {
		return nil, err
	}
	got := reply.GetState()
	if got == nil {
		return nil, fmt.Errorf("%w: it is empty", ErrAnswer)
	}
	return got, c.CheckState(req, got, reader != nil)
}

// CheckState verifies an answer, signed or not, as State tells, and puts what was certified
// in the place of what was said. Without a proof it verifies only where the answer goes on.
func (c *Client) CheckState(req *ledgerpb.StateRequest, got *ledgerpb.StateReply, signed bool) error {
	if req.GetHeight() != 0 && got.GetHeight() != req.GetHeight() {
		return fmt.Errorf("%w: it is of block %d, not of %d", ErrAnswer, got.GetHeight(), req.GetHeight())
	}
	if err := checkNext(req, got); err != nil || !req.GetProve() {
		return err
	}
	if req.GetHistory() {
		return c.checkHistory(req, got, signed)
	}
	return c.checkState(req, got, signed)
}

// checkNext verifies that whoever goes on there comes to an end.
func checkNext(req *ledgerpb.StateRequest, got *ledgerpb.StateReply) error {
	next := got.GetNext()
	ok := true
	switch {
	case len(next) == 0:
	case req.GetHistory():
		ok = bytes.Equal(next, req.GetKey()) && len(got.GetEntries()) > 0
	case len(req.GetKey()) > 0:
		ok = false
	default:
		ok = bytes.Compare(next, req.GetFrom()) > 0 && (len(req.GetTo()) == 0 || bytes.Compare(next, req.GetTo()) < 0)
	}
	if !ok {
		return fmt.Errorf("%w: it goes on outside of what was asked for", ErrAnswer)
	}
	return nil
}

// checkAbsence refuses what an absence does not prove to a reader who sees more than one
// audience's records.
func checkAbsence(req *ledgerpb.StateRequest, signed bool) error {
	if signed && len(req.GetAudience()) == 0 {
		return fmt.Errorf("%w: it shows only that no record for every member has this key; name the audience whose record is meant", ErrAnswer)
	}
	return nil
}

// Offline is a client that can only verify.
func Offline(id ledger.ID, key []byte) *Client {
	return &Client{opt: Options{LedgerID: id, LedgerKey: key}, cache: &verify.Cache{}}
}

// attested verifies a proof about the state of a block.
func (c *Client) attested(raw []byte, height uint64) (*ledger.Attestation, *state.Claim, error) {
	a, err := ledger.ParseAttestation(raw)
	if err != nil {
		return nil, nil, err
	}
	claim, err := c.cache.State(c.opt.LedgerID, c.opt.LedgerKey, a)
	if err == nil && uint64(a.Header.Height) != height {
		err = fmt.Errorf("%w: it is of block %d, not of %d", ErrAnswer, a.Header.Height, height)
	}
	return a, claim, err
}

func (c *Client) checkState(req *ledgerpb.StateRequest, got *ledgerpb.StateReply, signed bool) error {
	a, claim, err := c.attested(got.GetProof(), got.GetHeight())
	if err != nil {
		return err
	}
	audience := audienceOf(req)
	low, high := state.PlaceRange(audience, req.GetFrom(), req.GetTo())
	switch key := req.GetKey(); {
	case len(key) > 0:
		if len(claim.Records) == 1 { // it may stand with its own audience
			low, err = state.PlaceOf(key, claim.Records[0].Value)
		} else {
			low = state.Place(audience, key)
		}
		high = state.Next(low)
	case len(got.GetNext()) > 0:
		high = state.Place(audience, got.GetNext())
	}
	if err != nil || !bytes.Equal(claim.From, low) || !bytes.Equal(claim.To, high) || (claim.To == nil) != (high == nil) {
		return fmt.Errorf("%w: it is about another range", ErrAnswer)
	}
	if len(req.GetKey()) > 0 && len(claim.Records) == 0 {
		if err := checkAbsence(req, signed); err != nil {
			return err
		}
	}
	got.Entries, got.Time = nil, int64(a.Header.Time)
	for _, r := range claim.Records {
		e, err := StateEntry(r.Key, r.Value)
		if err != nil {
			return err
		}
		got.Entries = append(got.Entries, e)
	}
	return nil
}

func audienceOf(req *ledgerpb.StateRequest) []byte {
	var a []ledger.Party
	for _, p := range req.GetAudience() {
		a = append(a, ledger.Party(p))
	}
	return ledger.NewAudience(a...).Encode()
}

// StateEntry is an encoded record as it is shown.
func StateEntry(key, raw []byte) (*ledgerpb.StateEntry, error) {
	r, err := state.DecodeRecord(raw)
	if err != nil {
		return nil, err
	}
	e := &ledgerpb.StateEntry{Key: key, Value: r.Value, Height: uint64(r.Height), TxId: r.TxID.String()}
	for _, p := range r.Audience {
		e.Audience = append(e.Audience, string(p))
	}
	return e, nil
}

// checkHistory verifies that each version was there until the block before the next one.
func (c *Client) checkHistory(req *ledgerpb.StateRequest, got *ledgerpb.StateReply, signed bool) error {
	if got.GetHeight() == 0 {
		return fmt.Errorf("%w: a ledger without a block proves nothing", ErrAnswer)
	}
	h := &pastCheck{c: c, req: req, signed: signed, until: got.GetHeight()}
	for i, e := range got.GetEntries() {
		var err error
		if e.GetDeleted() {
			got.Entries[i], err = h.removal(e)
		} else {
			got.Entries[i], err = h.version(e)
		}
		if err != nil {
			return fmt.Errorf("version %d: %w", i, err)
		}
	}
	if h.removed {
		return fmt.Errorf("%w: it does not show what was removed in block %d", ErrAnswer, h.until+1)
	}
	if len(got.GetNext()) == 0 && h.until > 0 {
		if err := h.absent(got.GetProof(), h.until); err != nil {
			return fmt.Errorf("the end of the history: %w", err)
		}
	}
	got.Time = int64(h.time)
	return nil
}

// pastCheck follows a history from its newest version back.
type pastCheck struct {
	c       *Client
	req     *ledgerpb.StateRequest
	signed  bool
	until   uint64      // what comes next was so up to this block
	removed bool        // in the block behind until
	time    ledger.Time // of the newest block; 0: nothing is verified yet
}

func (h *pastCheck) attested(raw []byte, height uint64) (*state.Claim, error) {
	a, claim, err := h.c.attested(raw, height)
	if err == nil && h.time == 0 {
		h.time = a.Header.Time
	}
	return claim, err
}

// absent verifies that the key had no record in a block.
func (h *pastCheck) absent(raw []byte, height uint64) error {
	claim, err := h.attested(raw, height)
	if err != nil {
		return err
	}
	place := state.Place(audienceOf(h.req), h.req.GetKey())
	if len(claim.Records) != 0 || !bytes.Equal(claim.From, place) || !bytes.Equal(claim.To, state.Next(place)) {
		return fmt.Errorf("%w: it does not show that the key was absent in block %d", ErrAnswer, height)
	}
	return checkAbsence(h.req, h.signed)
}

// removal verifies that the key was absent in the block that removed it and up to the next
// version. That it was there before is seen by the version that must follow.
func (h *pastCheck) removal(e *ledgerpb.StateEntry) (*ledgerpb.StateEntry, error) {
	if h.removed || e.GetHeight() == 0 || e.GetHeight() > h.until {
		return nil, fmt.Errorf("%w: its versions are not in order", ErrAnswer)
	}
	if err := h.absent(e.GetProof(), h.until); err != nil {
		return nil, err
	}
	if e.GetHeight() < h.until {
		if err := h.absent(e.GetGone(), e.GetHeight()); err != nil {
			return nil, err
		}
	}
	h.until, h.removed = e.GetHeight()-1, true
	return &ledgerpb.StateEntry{Key: h.req.GetKey(), Height: e.GetHeight(), Deleted: true, Proof: e.GetProof(), Gone: e.GetGone()}, nil
}

func (h *pastCheck) version(e *ledgerpb.StateEntry) (*ledgerpb.StateEntry, error) {
	claim, err := h.attested(e.GetProof(), h.until)
	if err != nil {
		return nil, err
	}
	if len(claim.Records) != 1 || !bytes.Equal(claim.Records[0].Key, h.req.GetKey()) {
		return nil, fmt.Errorf("%w: it is of another key", ErrAnswer)
	}
	now, err := StateEntry(h.req.GetKey(), claim.Records[0].Value)
	if err != nil {
		return nil, err
	}
	if now.GetHeight() == 0 || now.GetHeight() > h.until {
		return nil, fmt.Errorf("%w: it was written later than it was there", ErrAnswer)
	}
	now.Proof = e.GetProof()
	h.until, h.removed = now.GetHeight()-1, false
	return now, nil
}
