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
// party may read. If the request asks for a proof, the answer was verified: its entries
// are what the ledger certified, and no entry of the range, or of the history, is left
// out before Next. (That a key was absent between its removal and the version after it
// is not proven by a history.)
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
	return got, c.CheckState(req, got)
}

// CheckState verifies the answer to a request that asks for a proof, and puts what was
// certified in the place of what was said.
func (c *Client) CheckState(req *ledgerpb.StateRequest, got *ledgerpb.StateReply) error {
	switch {
	case !req.GetProve():
		return nil
	case req.GetHistory():
		return c.checkHistory(req, got)
	}
	return c.checkState(req, got)
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

func (c *Client) checkState(req *ledgerpb.StateRequest, got *ledgerpb.StateReply) error {
	if req.GetHeight() != 0 && got.GetHeight() != req.GetHeight() {
		return fmt.Errorf("%w: it is of block %d, not of %d", ErrAnswer, got.GetHeight(), req.GetHeight())
	}
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
func (c *Client) checkHistory(req *ledgerpb.StateRequest, got *ledgerpb.StateReply) error {
	until := got.GetHeight()
	for i, e := range got.GetEntries() {
		if e.GetDeleted() {
			if e.GetHeight() == 0 || e.GetHeight() > until {
				return fmt.Errorf("%w: its versions are not in order", ErrAnswer)
			}
			until = e.GetHeight() - 1
			continue
		}
		_, claim, err := c.attested(e.GetProof(), until)
		if err != nil {
			return fmt.Errorf("version %d: %w", i, err)
		}
		if len(claim.Records) != 1 || !bytes.Equal(claim.Records[0].Key, req.GetKey()) {
			return fmt.Errorf("%w: version %d is of another key", ErrAnswer, i)
		}
		now, err := StateEntry(req.GetKey(), claim.Records[0].Value)
		if err != nil {
			return err
		}
		if now.GetHeight() == 0 || now.GetHeight() > until {
			return fmt.Errorf("%w: version %d was written later than it was there", ErrAnswer, i)
		}
		now.Proof = e.GetProof()
		got.Entries[i], until = now, now.GetHeight()-1
	}
	return nil
}
