package replica

import (
	"errors"
	"time"

	"github.com/concordat-ledger/concordat/actors/reads"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// What one history may take. Each proof is of a block of its own, whose tree may have to be
// made from thousands of changes.
const (
	versionsBatch  = 256
	provenVersions = 8
	provenTime     = time.Second // then it goes on with the next request
)

// pastRead is a history under way: the versions of a key, newest first. To a reader who
// may not see a version the key was removed by it: that is what reads as of each block
// show, too.
type pastRead struct {
	*stateRead
	began time.Time
	until ledger.Height // what comes next was so up to this block
	gone  ledger.Height // the reader sees nothing from this block to until; 0: until is not looked at yet
	size  int
}

func (r *stateRead) history(at ledger.Height) error {
	p := &pastRead{stateRead: r, began: r.clock(), until: at}
	if r.req.GetProve() {
		r.limit = min(r.limit, provenVersions)
	}
	var over passed
	for next, more := at, true; more; {
		list, further, err := r.Store.History(r.req.GetKey(), next, versionsBatch, readBytesMax)
		if err != nil {
			return notRetained(err)
		}
		for _, v := range list {
			next = v.Height - 1
			if v.Deleted || !r.sees(v.Value) {
				if p.gone = v.Height; over.enough(v.Value) {
					return p.end() // nothing may tell the reader that there was anything
				}
				continue
			}
			err := errEnough
			if !p.full() {
				err = p.version(v)
			}
			if p.pauses(err) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		more = further
	}
	return p.end()
}

// full tells whether another request must go on.
func (p *pastRead) full() bool {
	n := len(p.reply.Entries)
	with := n + 1
	if p.gone != 0 { // a removal stands before the version
		with++
	}
	return n > 0 && (with > p.limit || p.size > readBytesMax/2 || p.req.GetProve() && p.clock().Sub(p.began) > provenTime)
}

// pauses has the history go on with another request if it came so far, and not further:
// whoever asks from there on is told why.
func (p *pastRead) pauses(err error) bool {
	var refused *reads.RefusedError
	if len(p.reply.Entries) == 0 || !errors.Is(err, errEnough) && !errors.Is(err, reads.ErrNotFound) && !errors.As(err, &refused) {
		return false
	}
	p.reply.Next = p.req.GetKey()
	return true
}

// version shows one, and before it that it went, if it did. The proof that it was there is
// of the last block in which it was; as a record tells in which block it was written, that
// leaves no gap to the version before. Where the reader sees nothing, it is proven of the
// last such block and of the first.
func (p *pastRead) version(v storage.Version) error {
	rec, err := state.DecodeRecord(v.Value)
	if err != nil {
		return err
	}
	until := p.until
	var went *ledgerpb.StateEntry
	if p.gone != 0 {
		went = &ledgerpb.StateEntry{Key: p.req.GetKey(), Height: uint64(p.gone), Deleted: true}
		if p.req.GetProve() {
			if went.Proof, err = p.absent(until); err == nil && p.gone != until {
				went.Gone, err = p.absent(p.gone)
			}
			if err != nil {
				return err
			}
		}
		until = p.gone - 1
	}
	var proof []byte
	if p.req.GetProve() {
		place := state.Place(rec.Audience.Encode(), p.req.GetKey())
		if proof, err = p.attest(until, place, state.Next(place)); err != nil {
			return err
		}
	}
	if went != nil {
		p.reply.Entries = append(p.reply.Entries, went)
	}
	if p.req.GetProve() {
		p.reply.Entries = append(p.reply.Entries, &ledgerpb.StateEntry{Height: uint64(rec.Height), Proof: proof})
	} else if err := p.show(p.req.GetKey(), v.Value); err != nil {
		return err
	}
	p.until, p.gone = max(rec.Height, 1)-1, 0
	p.size += len(v.Value) + len(proof) + len(went.GetProof()) + len(went.GetGone())
	return nil
}

// absent proves that the key has no record of the audience that was asked for.
func (p *pastRead) absent(at ledger.Height) ([]byte, error) {
	place := state.Place(p.audience.Encode(), p.req.GetKey())
	return p.attest(at, place, state.Next(place))
}

// end says that there was nothing before the oldest version. Where that cannot be known any
// more, or not be proven, the history is said to go on.
func (p *pastRead) end() (err error) {
	switch {
	case p.until == 0:
	case len(p.reply.Entries) > 0 && p.until < p.OldestState():
		p.reply.Next = p.req.GetKey()
	case p.req.GetProve():
		if p.reply.Proof, err = p.absent(p.until); p.pauses(err) {
			return nil
		}
	}
	return err
}
