package ledgertest

import (
	"errors"
	"maps"
	"slices"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

// Limits of one call on a real ledger, in bytes unless said otherwise, as
// docs/contracts.md lists them. This module stands alone, so they are repeated.
const (
	argsBytesMax     = 64 << 10
	outputBytesMax   = 64 << 10
	audienceBytesMax = 4 << 10
	audienceMax      = 64 // entries
	topicBytesMax    = 64
	eventBytesMax    = 64 << 10 // topics and data of all events
	eventsMax        = 256      // events
	logBytesMax      = 8 << 10  // what is logged beyond is dropped
	writesMax        = 1000     // puts and deletes
	scansMax         = 16       // scans
)

// Methods that a ledger calls by itself.
const (
	methodInit    = "init"
	methodMigrate = "migrate"
)

// Statuses of put, delete and emit.
const (
	statusOK       = 0
	statusReadOnly = 1
	statusTooLarge = 2
	statusLimit    = 3
	statusWider    = 4
)

// usage is what one call may do and has done.
type usage struct {
	readOnly bool
	public   bool // records with an audience are not shown

	readers readers // of all that the call has read

	writes  int
	scans   int
	events  int
	emitted int
	logged  int
	random  int
}

// Get implements concordat.Host.
func (l *Ledger) Get(key []byte) ([]byte, bool) {
	if !l.shows(string(key)) {
		return nil, false
	}
	l.call.readers.narrow(l.AudienceOf(key))
	return slices.Clone(l.State[string(key)]), true
}

func (l *Ledger) shows(key string) bool {
	_, there := l.State[key]
	return there && !(l.call.public && len(l.audiences[key]) > 0)
}

// Put implements concordat.Host.
func (l *Ledger) Put(key, value, audience []byte, declassified bool) int32 {
	if len(value) > concordat.ValueBytesMax || len(audience) > audienceBytesMax {
		key = nil // too large in one part is too large
	}
	if status := l.mayWrite(key); status != statusOK {
		return status
	}
	if a := mustAudience(audience); !declassified && !l.call.readers.mayTell(a) {
		return statusWider
	}
	l.call.writes++
	l.State[string(key)] = slices.Clone(value)
	delete(l.audiences, string(key))
	if len(audience) > 0 {
		l.audiences[string(key)] = slices.Clone(audience)
	}
	return statusOK
}

// Delete implements concordat.Host.
func (l *Ledger) Delete(key []byte) int32 {
	status := l.mayWrite(key)
	if status == statusOK {
		l.call.writes++
		delete(l.State, string(key))
		delete(l.audiences, string(key))
	}
	return status
}

// mayWrite judges a write by its key.
func (l *Ledger) mayWrite(key []byte) int32 {
	switch {
	case l.call.readOnly:
		return statusReadOnly
	case len(key) == 0 || len(key) > concordat.KeyBytesMax:
		return statusTooLarge
	case l.call.writes >= writesMax:
		return statusLimit
	}
	return statusOK
}

// Scan implements concordat.Host.
func (l *Ledger) Scan(from, to []byte, reverse bool) func() (key, value []byte, ok bool) {
	if l.call.scans >= scansMax || len(from) > concordat.KeyBytesMax || len(to) > concordat.KeyBytesMax {
		return nil
	}
	l.call.scans++
	keys := slices.Sorted(maps.Keys(l.State))
	if reverse {
		slices.Reverse(keys)
	}
	state := maps.Clone(l.State) // a scan shows the moment when it was opened
	audiences := maps.Clone(l.audiences)
	keys = slices.DeleteFunc(keys, func(k string) bool {
		return k < string(from) || len(to) > 0 && k >= string(to) || !l.shows(k)
	})
	return func() ([]byte, []byte, bool) {
		if len(keys) == 0 {
			return nil, nil, false
		}
		k := keys[0]
		keys = keys[1:]
		a, _ := parseAudience(audiences[k]) // only what can be read was kept
		l.call.readers.narrow(a)
		return []byte(k), state[k], true
	}
}

// Emit implements concordat.Host.
func (l *Ledger) Emit(topic string, data, audience []byte, declassified bool) int32 {
	u := &l.call
	size := len(topic) + len(data)
	switch {
	case u.readOnly:
		return statusReadOnly
	case topic == "" || len(topic) > topicBytesMax || len(data) > eventBytesMax || len(audience) > audienceBytesMax:
		return statusTooLarge
	case u.events >= eventsMax || u.emitted+size > eventBytesMax:
		return statusLimit
	}
	if a := mustAudience(audience); !declassified && !u.readers.mayTell(a) {
		return statusWider
	}
	u.events++
	u.emitted += size
	l.Events = append(l.Events, Event{topic, slices.Clone(data), slices.Clone(audience)})
	return statusOK
}

// Log implements concordat.Host.
func (l *Ledger) Log(text string) {
	text = text[:min(len(text), logBytesMax-l.call.logged)]
	l.call.logged += len(text)
	if text != "" {
		l.Logs = append(l.Logs, text)
	}
}

func mustAudience(b []byte) concordat.Audience {
	a, err := parseAudience(b)
	if err != nil {
		panic(err.Error())
	}
	return a
}

// parseAudience reads a count and the entries, which ascend, each behind its length.
// That an entry is a possible name of a party is left to the real ledger.
func parseAudience(b []byte) (concordat.Audience, error) {
	if len(b) == 0 {
		return nil, nil
	}
	n := int(b[0]) | int(b[1])<<8 // the SDK writes no shorter one
	b = b[2:]
	if n > audienceMax {
		return nil, errors.New("malformed audience: it has more than 64 entries")
	}
	a := make(concordat.Audience, 0, n)
	for range n {
		size := int(b[0]) | int(b[1])<<8
		p := concordat.Party(b[2 : 2+size])
		b = b[2+size:]
		if p == "" || len(a) > 0 && a[len(a)-1] >= p {
			return nil, errors.New("malformed audience: the entries are not in ascending order")
		}
		a = append(a, p)
	}
	return a, nil
}
