package ledger

// ReadStatement is what a party signs to be shown what only it may read: the exact
// bytes of its request, bound to the ledger and to a time. Replicas refuse it a minute
// later.
func ReadStatement(id ID, party Party, at Time, request []byte) []byte {
	return NewWriter(DomainRead, 128+len(request)).Hash(id).String(string(party)).U64(uint64(at)).Bytes(request).Done() // #nosec G115 -- two's complement
}

// AuditorAttribute is the attribute of a party that reads everything. Only genesis gives
// it: an organisation cannot appoint a reader of the others' records.
const AuditorAttribute = "auditor"

// Recipient is the party as somebody for whom a read is made.
func (p *PartyRecord) Recipient() Recipient {
	return Recipient{Party: p.Party, Organisation: p.Organisation, Auditor: p.Attributes[AuditorAttribute] == "true"}
}
