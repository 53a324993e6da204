package replica

import (
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/storage/votelog"
	"github.com/concordat-ledger/concordat/ledger"
)

// voteLog is the vote log as consensus writes it.
type voteLog struct{ log *votelog.Log }

func (v voteLog) Append(recs []sbft.Record) error {
	out := make([]votelog.Record, 0, len(recs))
	size := 0
	for _, r := range recs {
		if size += len(r.Data) + 64; size > votelog.UnitBytesMax-1<<10 && len(out) > 0 {
			// Several large proposals of one flush: each unit is whole, the sync
			// that follows covers all, and none has left yet.
			if err := v.log.Append(out); err != nil {
				return err
			}
			out, size = out[:0], len(r.Data)+64
		}
		out = append(out, votelog.Record{Seq: uint64(r.Seq), Kind: uint8(r.Kind), Data: r.Data})
	}
	return v.log.Append(out)
}

func (v voteLog) Sync() error { return v.log.Sync() }

func (v voteLog) Truncate(seq ledger.Seq) error { return v.log.Truncate(uint64(seq)) }

func (v voteLog) Replay(fn func(sbft.Record) error) error {
	return v.log.Replay(func(r votelog.Record) error {
		return fn(sbft.Record{Kind: sbft.RecordKind(r.Kind), Seq: ledger.Seq(r.Seq), Data: r.Data})
	})
}
