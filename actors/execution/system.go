package execution

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// SystemContract is the name of the built-in contract. Its methods run natively,
// with a fixed price.
const SystemContract = "concordat"

// Gas of the built-in methods. Fixed numbers: they are part of the protocol.
const (
	gasBase    = 1_000
	gasPerByte = 2
)

// system executes a method of the built-in contract.
func (x *executor) system(tx *ledger.Transaction, party *ledger.PartyRecord, r *ledger.Result) error {
	r.GasUsed = gasBase + gasPerByte*uint64(len(tx.Args))
	switch tx.Method {
	case "note":
		r.Status = ledger.StatusOK
		return nil
	case "register_party":
		return x.registerParty(tx, party, r)
	case "deploy":
		return x.deploy(tx, party, r)
	case "upgrade":
		return x.upgrade(tx, party, r)
	default:
		r.Status, r.Message = ledger.StatusUnknownMethod, fmt.Sprintf("the built-in contract has no method %q; it has note, register_party, deploy and upgrade", tx.Method)
		return nil
	}
}

// registerParty enters or replaces a party of the administrator's organisation.
func (x *executor) registerParty(tx *ledger.Transaction, admin *ledger.PartyRecord, r *ledger.Result) error {
	if !admin.Admin {
		return refuse(r, "%s is no administrator; ask one of organisation %s", admin.Party, admin.Organisation)
	}
	var rec ledger.PartyRecord
	dec := json.NewDecoder(bytes.NewReader(tx.Args))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&rec); err != nil || dec.More() {
		return refuse(r, "the arguments are not the JSON of a party record")
	}
	if err := rec.Party.Validate(); err != nil {
		return refuse(r, "%v", err)
	}
	switch {
	case rec.Organisation != admin.Organisation:
		return refuse(r, "%s may register parties of organisation %s only, not of %q", admin.Party, admin.Organisation, rec.Organisation)
	case len(rec.PublicKey) != ledger.PublicKeySize:
		return refuse(r, "a public key has %d bytes, this has %d", ledger.PublicKeySize, len(rec.PublicKey))
	}
	old, err := x.party(rec.Party)
	if err != nil {
		return err
	}
	was := ""
	if old != nil {
		was = old.Attributes[ledger.AuditorAttribute]
	}
	if rec.Attributes[ledger.AuditorAttribute] != was {
		return refuse(r, "who audits is named in genesis; leave the attribute %q of %s as it is", ledger.AuditorAttribute, rec.Party)
	}
	if old != nil && old.Organisation != rec.Organisation {
		return refuse(r, "%s belongs to organisation %s", rec.Party, old.Organisation)
	}
	b, err := encodeParty(&rec, x.overlay.from)
	if err != nil {
		return err
	}
	x.overlay.Set(PartyKey(rec.Party), b)
	r.Status = ledger.StatusOK
	return nil
}

// encodeParty is the party's record in the state. encoding/json writes struct
// fields in order and sorts map keys, so equal records give equal bytes.
func encodeParty(p *ledger.PartyRecord, from state.Provenance) ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode the record of party %s: %w", p.Party, err)
	}
	return state.EncodeRecord(nil, from, b), nil
}

// party reads a party's record; nil when it is not registered.
func (x *executor) party(p ledger.Party) (*ledger.PartyRecord, error) { return partyIn(x.overlay, p) }

func partyIn(store contracts.Getter, p ledger.Party) (*ledger.PartyRecord, error) {
	raw, err := store.Get(PartyKey(p))
	if err != nil || raw == nil {
		return nil, err
	}
	v, err := state.RecordValue(raw)
	if err != nil {
		return nil, err
	}
	var rec ledger.PartyRecord
	if err := json.Unmarshal(v, &rec); err != nil {
		return nil, fmt.Errorf("read the record of party %s: %w", p, err)
	}
	return &rec, nil
}
