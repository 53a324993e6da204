package sbft

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// rewritten reads a record as its kind and gives what would be written for it again.
func rewritten(p Params, r Record) (again Record, err error) {
	switch r.Kind {
	case RecordProposal:
		x, err := parseProposalRecord(r)
		if err != nil {
			return Record{}, err
		}
		return x.record(), nil
	case RecordPrepared:
		x, err := parsePreparedRecord(r)
		if err != nil {
			return Record{}, err
		}
		return x.record(), nil
	case RecordVote:
		x, err := ParseVote(r)
		if err != nil {
			return Record{}, err
		}
		return x.Record(), nil
	case RecordView:
		x, err := parseViewRecord(r)
		if err != nil {
			return Record{}, err
		}
		return x.record(), nil
	case RecordAccepted:
		x, err := parseAcceptedRecord(r)
		if err != nil {
			return Record{}, err
		}
		return x.record(), nil
	case RecordStable:
		c, epoch, err := parseStableRecord(r)
		if err != nil {
			return Record{}, err
		}
		return (&stableRecord{epoch: epoch, checkpoint: c}).record(), nil
	default:
		nv, epoch, err := parseNewViewRecord(p, r)
		if err != nil {
			return Record{}, err
		}
		return (&newViewRecord{epoch: epoch, view: nv}).record(), nil
	}
}

// aboutNoSlot are the kinds whose Seq is 0.
func aboutNoSlot(k RecordKind) bool {
	return k == RecordView || k == RecordStable || k == RecordNewView
}

// Whatever a damaged log holds, reading a record of any kind is an error, or gives what
// would be written again; and a replica starts from it, or says why not.
func FuzzParseRecord(f *testing.F) {
	s := listen(f)
	for _, r := range s.records {
		f.Add(uint8(r.Kind), uint64(r.Seq), r.Data)
	}
	v := Vote{Epoch: 1, Phase: certificate.Fast, Slot: SlotID{View: 2, Seq: 3, Digest: ledger.Hash{4}}}
	f.Add(uint8(RecordVote), uint64(3), v.Record().Data)
	f.Add(uint8(RecordVote), uint64(3), []byte{})
	f.Fuzz(func(t *testing.T, kind uint8, seq uint64, data []byte) {
		r := Record{Kind: RecordKind(kind%uint8(RecordNewView)) + 1, Seq: ledger.Seq(seq), Data: data}
		if aboutNoSlot(r.Kind) {
			r.Seq = 0
		}
		var again Record
		var err error
		bounded(t, len(data), func() { again, err = rewritten(s.p, r) })
		if err == nil {
			require.Equal(t, r, again)
		}
		if nv, _, err := parseNewViewRecord(s.p, r); err == nil && slices.ContainsFunc(nv.Bodies, func(vc *ViewChange) bool { return vc.Stable.Seq > checkpointNear }) {
			return
		}
		for self := range s.p.Quorum.N() {
			p := s.p
			p.Self = ledger.ReplicaID(self)
			m, errNew := New(p, Restored{Records: []Record{r}})
			if errNew != nil {
				continue
			}
			var out Output
			m.Step(1, Started{}, &out)
			require.LessOrEqual(t, m.SlotsKept(), 2*p.Window, "A9")
		}
	})
}

// The corpus round-trips: otherwise the target above would prove nothing.
func TestRecordsOfEveryKindAreReadAsTheyWereWritten(t *testing.T) {
	s := listen(t)
	for _, r := range s.records {
		again, err := rewritten(s.p, r)
		require.NoError(t, err, "kind %d", r.Kind)
		require.Equal(t, r, again)
		_, err = rewritten(s.p, Record{Kind: r.Kind, Seq: r.Seq, Data: append(r.Data[:len(r.Data):len(r.Data)], 0)})
		require.Error(t, err, "a byte too many in kind %d", r.Kind)
		for other := RecordProposal; other <= RecordNewView; other++ {
			if other != r.Kind {
				_, err := rewritten(s.p, Record{Kind: other, Seq: r.Seq, Data: r.Data})
				require.Error(t, err, "kind %d read as %d", r.Kind, other)
			}
		}
	}
}
