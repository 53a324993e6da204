package ledgertest

import (
	"slices"
	"strings"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

// readers is who may see all that a call has read: everyone whom each of the
// audiences covers. A real ledger keeps one list for them; here each is kept.
type readers struct{ audiences []concordat.Audience }

func (r *readers) narrow(a concordat.Audience) {
	if len(a) > 0 {
		r.audiences = append(r.audiences, a)
	}
}

// mayTell tells whether everyone in an audience is among the readers.
func (r *readers) mayTell(audience concordat.Audience) bool {
	for _, a := range r.audiences {
		if len(audience) == 0 || slices.ContainsFunc(audience, func(e concordat.Party) bool { return !covers(a, e) }) {
			return false
		}
	}
	return true
}

// covers: a party is covered by itself or by its organisation, which here is what
// follows its @; an organisation by itself.
func covers(a concordat.Audience, entry concordat.Party) bool {
	_, organisation, _ := strings.Cut(string(entry), "@")
	return slices.Contains(a, entry) || organisation != "" && slices.Contains(a, concordat.Party("org:"+organisation))
}

// ReadFor says that the contract which Others stands for has read a record with that
// audience; it counts for the calling contract, too.
func (l *Ledger) ReadFor(audience concordat.Audience) { l.call.readers.narrow(audience) }

const (
	withheld   = "the message is withheld, for the call had read private records"
	outputOpen = "an output is shown to every member, and this call has read private records; write them for an audience instead, or declassify the output"
)

// public tells whether every member will see how the call ends, though not all of
// them may see what it has read.
func (l *Ledger) public(c *concordat.Context) bool {
	return len(l.call.readers.audiences) > 0 && c.Via == "" && !l.call.readOnly && !c.Openly()
}
