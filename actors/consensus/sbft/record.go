package sbft

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// RecordKind numbers the kinds of durable records; part of the vote log's format.
type RecordKind uint8

// The kinds. RecordVote is what the ballot keeps as well.
const (
	RecordProposal RecordKind = 1 // an accepted pre-prepare with its body
	RecordPrepared RecordKind = 2 // a prepared certificate
	RecordVote     RecordKind = 3 // a share that may have left
	RecordView     RecordKind = 4 // to which view this replica moves, and why; Seq 0
	RecordAccepted RecordKind = 5 // a value accepted again in a later view; its body is durable already
	RecordStable   RecordKind = 6 // the highest certified checkpoint; Seq 0
	RecordNewView  RecordKind = 7 // by what message a view was entered, in full; Seq 0
)

// Record is one durable fact. Seq is the slot it belongs to; facts of slots at
// or below the durable height may be forgotten.
type Record struct {
	Kind RecordKind
	Seq  ledger.Seq
	Data []byte
}

const domainRecord ledger.Domain = "concordat/sbft-record/1"

// Vote says that a share over (epoch, view, seq, digest) in a phase may leave.
type Vote struct {
	Epoch ledger.Epoch
	Phase certificate.Phase
	Slot  SlotID
}

// PhasePropose is the phase under which the ballot keeps a primary's signed
// proposals; no certificate exists for it.
const PhasePropose certificate.Phase = 200

// Record encodes the vote.
func (v Vote) Record() Record {
	data := ledger.NewWriter(domainRecord, 64).U8(uint8(RecordVote)).U64(uint64(v.Epoch)).U8(uint8(v.Phase)).
		U64(uint64(v.Slot.View)).U64(uint64(v.Slot.Seq)).Hash(v.Slot.Digest).Done()
	return Record{Kind: RecordVote, Seq: v.Slot.Seq, Data: data}
}

// ParseVote reads what Vote.Record wrote.
func ParseVote(r Record) (Vote, error) {
	d := ledger.NewReader(domainRecord, r.Data)
	kind := RecordKind(d.U8())
	v := Vote{Epoch: ledger.Epoch(d.U64()), Phase: certificate.Phase(d.U8())}
	v.Slot = SlotID{View: ledger.View(d.U64()), Seq: ledger.Seq(d.U64()), Digest: d.Hash()}
	if err := d.Close(); err != nil {
		return Vote{}, fmt.Errorf("read a recorded vote: %w", err)
	}
	if kind != RecordVote || v.Slot.Seq != r.Seq {
		return Vote{}, fmt.Errorf("%w: record of slot %d does not hold a vote for it", ledger.ErrLayout, r.Seq)
	}
	return v, nil
}

type proposalRecord struct {
	epoch     ledger.Epoch
	view      ledger.View
	seq       ledger.Seq
	path      Path
	signature []byte
	proposal  ledger.Proposal
}

func (p *proposalRecord) record() Record {
	size := 128
	for _, tx := range p.proposal.Txs {
		size += len(tx) + 4
	}
	w := ledger.NewWriter(domainRecord, size).U8(uint8(RecordProposal)).U64(uint64(p.epoch)).U64(uint64(p.view)).
		U64(uint64(p.seq)).U8(uint8(p.path)).Bytes(p.signature).U64(uint64(p.proposal.Time)). // #nosec G115 -- two's complement
		U32(uint32(len(p.proposal.Txs)))                                                      // #nosec G115 -- bounded by Params.BatchMax
	for _, tx := range p.proposal.Txs {
		w.Bytes(tx)
	}
	return Record{Kind: RecordProposal, Seq: p.seq, Data: w.Done()}
}

func parseProposalRecord(r Record) (*proposalRecord, error) {
	d := ledger.NewReader(domainRecord, r.Data)
	kind := RecordKind(d.U8())
	p := &proposalRecord{epoch: ledger.Epoch(d.U64()), view: ledger.View(d.U64()), seq: ledger.Seq(d.U64()),
		path: Path(d.U8()), signature: d.Bytes(ledger.SignatureSize)}
	p.proposal.Time = ledger.Time(d.U64()) // #nosec G115 -- two's complement
	n := d.Count(4, ledger.BlockTransactionsMax)
	if n > 0 {
		p.proposal.Txs = make([][]byte, 0, n)
	}
	for range n {
		p.proposal.Txs = append(p.proposal.Txs, d.Bytes(ledger.EnvelopeBytesMax))
	}
	if err := d.Close(); err != nil {
		return nil, fmt.Errorf("read a recorded proposal: %w", err)
	}
	if kind != RecordProposal || p.seq != r.Seq {
		return nil, fmt.Errorf("%w: record of slot %d does not hold its proposal", ledger.ErrLayout, r.Seq)
	}
	return p, nil
}

type preparedRecord struct {
	epoch ledger.Epoch
	slot  SlotID
	cert  certificate.Certificate
}

func (p *preparedRecord) record() Record {
	data := ledger.NewWriter(domainRecord, 96+len(p.cert)).U8(uint8(RecordPrepared)).U64(uint64(p.epoch)).
		U64(uint64(p.slot.View)).U64(uint64(p.slot.Seq)).Hash(p.slot.Digest).Bytes(p.cert).Done()
	return Record{Kind: RecordPrepared, Seq: p.slot.Seq, Data: data}
}

func parsePreparedRecord(r Record) (*preparedRecord, error) {
	d := ledger.NewReader(domainRecord, r.Data)
	kind := RecordKind(d.U8())
	p := &preparedRecord{epoch: ledger.Epoch(d.U64())}
	p.slot = SlotID{View: ledger.View(d.U64()), Seq: ledger.Seq(d.U64()), Digest: d.Hash()}
	p.cert = d.Bytes(certificate.CertificateBytesMax)
	if err := d.Close(); err != nil {
		return nil, fmt.Errorf("read a recorded prepared certificate: %w", err)
	}
	if kind != RecordPrepared || p.slot.Seq != r.Seq {
		return nil, fmt.Errorf("%w: record of slot %d does not hold its prepared certificate", ledger.ErrLayout, r.Seq)
	}
	return p, nil
}
