package sbft

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// Whatever a damaged log holds, reading a record is an error or gives what would be
// written again.
func FuzzRecords(f *testing.F) {
	v := Vote{Epoch: 1, Phase: certificate.Fast, Slot: SlotID{View: 2, Seq: 3, Digest: ledger.Hash{4}}}
	f.Add(uint64(3), v.Record().Data)
	f.Add(uint64(3), []byte{})
	f.Fuzz(func(t *testing.T, seq uint64, data []byte) {
		r := Record{Kind: RecordVote, Seq: ledger.Seq(seq), Data: data}
		if vote, err := ParseVote(r); err == nil {
			require.Equal(t, r, vote.Record())
		}
		r.Kind = RecordProposal
		_, _ = parseProposalRecord(r)
		r.Kind = RecordPrepared
		_, _ = parsePreparedRecord(r)
	})
}
