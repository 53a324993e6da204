package host

import (
	"bytes"
	"slices"
	"strings"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm/module"
)

// Readers is who may see all that a call has read so far. The zero value is every
// member: nothing private was read. It is never changed in place.
type Readers struct {
	Few     bool            // not every member
	Entries ledger.Audience // whoever they cover; nobody when there are none
}

// seen narrows the call's readers to those of one more record. The length of the
// list stays bounded: a party that its organisation covers is left out, so an
// entry can only be replaced by those of one audience.
func (g *Guest) seen(audience []byte) {
	if len(audience) == 0 || g.readers.Few && bytes.Equal(audience, g.lastRead) {
		return
	}
	a, err := ledger.ParseAudience(audience)
	g.check(err) // it was checked when it was written
	g.lastRead = append(g.lastRead[:0], audience...)
	g.narrow(Readers{Few: true, Entries: a})
}

// narrow keeps those readers that both allow.
func (g *Guest) narrow(other Readers) {
	mine := g.readers
	switch {
	case !other.Few || mine.Few && slices.Equal(mine.Entries, other.Entries):
		return
	case !mine.Few:
		g.readers = other
		return
	}
	// #nosec G115 -- lengths
	g.pay(uint64(len(mine.Entries)+len(other.Entries)) * module.GasReader)
	var both ledger.Audience
	for _, e := range mine.Entries {
		if g.covers(other.Entries, e) {
			both = append(both, e)
		}
	}
	for _, e := range other.Entries {
		if g.covers(mine.Entries, e) {
			both = append(both, e)
		}
	}
	slices.Sort(both)
	both = slices.Compact(both)
	kept := slices.DeleteFunc(slices.Clone(both), func(e ledger.Party) bool { return g.coveredByOrganisation(both, e) })
	g.readers = Readers{Few: true, Entries: kept}
}

// covers tells whether everyone whom an entry names is among the readers: a party
// is covered by itself or by its organisation, an organisation and a contract by itself.
func (g *Guest) covers(readers ledger.Audience, entry ledger.Party) bool {
	_, found := slices.BinarySearch(readers, entry)
	return found || g.coveredByOrganisation(readers, entry)
}

func (g *Guest) coveredByOrganisation(readers ledger.Audience, entry ledger.Party) bool {
	for _, alone := range []string{ledger.OrganisationEntry, ledger.ContractEntry} {
		if strings.HasPrefix(string(entry), alone) {
			return false // it belongs to no organisation
		}
	}
	if !hasOrganisation(readers) {
		return false
	}
	organisation := g.organisationOf(entry)
	_, found := slices.BinarySearch(readers, ledger.OrganisationEntry+ledger.Party(organisation))
	return found && organisation != ""
}

// hasOrganisation: entries are in order, so those of organisations stand together.
func hasOrganisation(readers ledger.Audience) bool {
	i, _ := slices.BinarySearch(readers, ledger.OrganisationEntry)
	return i < len(readers) && strings.HasPrefix(string(readers[i]), ledger.OrganisationEntry)
}

// organisationOf asks the ledger where a party is registered; its name does not
// tell. The answer stays the same during a call, so it is asked and paid for once.
func (g *Guest) organisationOf(p ledger.Party) string {
	if known, ok := g.organisations[p]; ok {
		return known
	}
	g.pay(module.GasParty)
	organisation, err := g.state.Organisation(p)
	g.check(err)
	if g.organisations == nil {
		g.organisations = map[ledger.Party]string{}
	}
	g.organisations[p] = organisation
	return organisation
}

// mayTell tells whether everyone in an audience may see what the call has read.
func (g *Guest) mayTell(audience ledger.Audience) bool {
	if !g.readers.Few {
		return true
	}
	g.pay(uint64(len(audience)) * module.GasReader)
	return len(audience) > 0 && !slices.ContainsFunc(audience, func(e ledger.Party) bool { return !g.covers(g.readers.Entries, e) })
}

// public tells whether every member will see how the call ends, though not all of
// them may see what it has read. Another contract's call ends before its caller
// alone, and a query sees only what its reader may.
func (g *Guest) public() bool {
	return g.readers.Few && g.call.Via == "" && !g.call.ReadOnly
}
