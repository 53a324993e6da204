package sbft

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// acceptedRecord says that a value was accepted again in a later view.
type acceptedRecord struct {
	epoch ledger.Epoch
	slot  SlotID
}

func (a *acceptedRecord) record() Record {
	data := ledger.NewWriter(domainRecord, 96).U8(uint8(RecordAccepted)).U64(uint64(a.epoch)).
		U64(uint64(a.slot.View)).U64(uint64(a.slot.Seq)).Hash(a.slot.Digest).Done()
	return Record{Kind: RecordAccepted, Seq: a.slot.Seq, Data: data}
}

func parseAcceptedRecord(r Record) (*acceptedRecord, error) {
	d := ledger.NewReader(domainRecord, r.Data)
	kind := RecordKind(d.U8())
	a := &acceptedRecord{epoch: ledger.Epoch(d.U64())}
	a.slot = SlotID{View: ledger.View(d.U64()), Seq: ledger.Seq(d.U64()), Digest: d.Hash()}
	if err := d.Close(); err != nil {
		return nil, fmt.Errorf("read a recorded acceptance: %w", err)
	}
	if kind != RecordAccepted || a.slot.Seq != r.Seq {
		return nil, fmt.Errorf("%w: record of slot %d does not hold its acceptance", ledger.ErrLayout, r.Seq)
	}
	return a, nil
}

// viewRecord says to which view this replica moves. Nothing is signed in an earlier
// one after it is written.
type viewRecord struct {
	epoch      ledger.Epoch
	view       ledger.View
	complaints []Complaint
}

func (v *viewRecord) record() Record {
	w := ledger.NewWriter(domainRecord, 128).U8(uint8(RecordView)).U64(uint64(v.epoch)).U64(uint64(v.view))
	writeComplaints(w, v.complaints)
	return Record{Kind: RecordView, Data: w.Done()}
}

func parseViewRecord(r Record) (*viewRecord, error) {
	d := ledger.NewReader(domainRecord, r.Data)
	kind := RecordKind(d.U8())
	v := &viewRecord{epoch: ledger.Epoch(d.U64()), view: ledger.View(d.U64())}
	v.complaints = readComplaints(d, quorum.ReplicasMax)
	if err := d.Close(); err != nil || kind != RecordView {
		return nil, fmt.Errorf("read a recorded view of kind %d: %w", kind, err)
	}
	return v, nil
}

// stableRecord is the highest certified checkpoint.
type stableRecord struct {
	epoch      ledger.Epoch
	checkpoint Checkpoint
}

func (s *stableRecord) record() Record {
	data := ledger.NewWriter(domainRecord, 128).U8(uint8(RecordStable)).U64(uint64(s.epoch)).
		U64(uint64(s.checkpoint.Seq)).Hash(s.checkpoint.Digest).Bytes(s.checkpoint.Certificate).Done()
	return Record{Kind: RecordStable, Data: data}
}

func parseStableRecord(r Record) (Checkpoint, ledger.Epoch, error) {
	d := ledger.NewReader(domainRecord, r.Data)
	kind := RecordKind(d.U8())
	epoch := ledger.Epoch(d.U64())
	c := Checkpoint{Seq: ledger.Seq(d.U64()), Digest: d.Hash(), Certificate: d.Bytes(certificate.CertificateBytesMax)}
	if err := d.Close(); err != nil || kind != RecordStable {
		return Checkpoint{}, 0, fmt.Errorf("read a recorded checkpoint of kind %d: %w", kind, err)
	}
	return c, epoch, nil
}

// newViewRecord is the message by which a view was entered, in full: after a restart
// it tells what the view fixed, and serves replicas that were away.
type newViewRecord struct {
	epoch ledger.Epoch
	view  *NewView
}

// viewChangeBytesMax bounds one view-change message in a record.
const viewChangeBytesMax = 64 << 20

func (n *newViewRecord) record() Record {
	size := 256 + len(n.view.Payload)
	for _, vc := range n.view.Bodies {
		size += len(vc.Payload) + 128
	}
	w := ledger.NewWriter(domainRecord, size).U8(uint8(RecordNewView)).U64(uint64(n.epoch)).Bytes(n.view.Payload).Bytes(n.view.Signature)
	w.U32(uint32(len(n.view.Bodies))) // #nosec G115 -- at most n
	for _, vc := range n.view.Bodies {
		w.Bytes(vc.Payload).Bytes(vc.Signature)
	}
	return Record{Kind: RecordNewView, Data: w.Done()}
}

func parseNewViewRecord(p Params, r Record) (*NewView, ledger.Epoch, error) {
	d := ledger.NewReader(domainRecord, r.Data)
	kind := RecordKind(d.U8())
	epoch := ledger.Epoch(d.U64())
	payload, sig := d.Bytes(viewChangeBytesMax), d.Bytes(ledger.SignatureSize)
	var bodies [][2][]byte
	for range d.Count(8, quorum.ReplicasMax) {
		bodies = append(bodies, [2][]byte{d.Bytes(viewChangeBytesMax), d.Bytes(ledger.SignatureSize)})
	}
	if err := d.Close(); err != nil || kind != RecordNewView {
		return nil, 0, fmt.Errorf("read a recorded new view of kind %d: %w", kind, err)
	}
	nv, err := ParseNewView(p, payload, sig, bodies)
	if err != nil {
		return nil, 0, fmt.Errorf("read a recorded new view: %w", err)
	}
	return nv, epoch, nil
}
