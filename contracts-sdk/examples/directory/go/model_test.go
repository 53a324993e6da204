package main

import (
	"crypto/ed25519"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

// known is what a key's owner remembers of it.
type known struct {
	from, until int64
	revoked     bool
}

// model is a directory, and beside it what its keys should be.
type model struct {
	*ledgertest.Ledger
	*rand.Rand
	keys []known
	done map[string]int
}

// next is a new key, a proof of it, and until when it is valid.
func (m *model) next(t *testing.T) (key, proof []byte, until int64) {
	seed := make([]byte, 32)
	seed[0], seed[1], seed[2] = 1, byte(m.Uint32()), byte(len(m.keys))
	private := ed25519.NewKeyFromSeed(seed)
	key, until = private[32:], m.Time+1+int64(m.IntN(300))
	var text statementOut
	if err := m.As("x@x").Query("statement", &statementIn{"alice@a", "signing", "ed25519", key, 0, until}, &text); err != nil {
		t.Fatal(err)
	}
	return key, ed25519.Sign(private, []byte(text.Text)), until
}

func (m *model) step(t *testing.T) {
	alice := m.As("alice@a")
	m.Time += int64(m.IntN(20))
	number := 1 + m.IntN(max(1, len(m.keys)))
	switch m.IntN(3) {
	case 0:
		key, proof, until := m.next(t)
		in := &publishIn{Purpose: "signing", Algorithm: "ed25519", Key: key, Until: until, Proof: proof}
		if _, err := alice.Call("publish", in); err != nil {
			t.Fatal(err)
		}
		m.keys = append(m.keys, known{from: m.Time, until: until})
		m.done["publish"]++
	case 1:
		key, proof, until := m.next(t)
		old := m.Time + int64(m.IntN(50))
		in := &rotateIn{Purpose: "signing", Number: uint64(number), OldUntil: old, Algorithm: "ed25519", Key: key, Until: until, Proof: proof}
		_, err := alice.Call("rotate", in)
		may := number <= len(m.keys) && !m.keys[number-1].revoked && old <= m.keys[number-1].until
		if (err == nil) != may {
			t.Fatal(may, err)
		}
		if may {
			m.keys[number-1].until = old
			m.keys = append(m.keys, known{from: m.Time, until: until})
			m.done["rotate"]++
		}
	case 2:
		since := m.Time - int64(m.IntN(50))
		_, err := alice.Call("revoke", &revokeIn{Purpose: "signing", Number: uint64(number), Reason: "lost", Since: since})
		may := number <= len(m.keys) && !m.keys[number-1].revoked
		if (err == nil) != may {
			t.Fatal(may, err)
		}
		if may {
			one := &m.keys[number-1]
			one.revoked, one.until = true, min(one.until, since)
			m.done["revoke"]++
		}
	}
}

// At each moment, page by page, a lookup tells the keys that were valid then.
func TestLookupTellsWhatWasValid(t *testing.T) {
	done := map[string]int{}
	for seed := range uint64(10) {
		m := &model{ledgertest.New("directory"), rand.New(rand.NewPCG(seed, 0)), nil, map[string]int{}}
		begin := m.Time
		for range 220 {
			m.step(t)
		}
		for range 100 {
			at := begin + m.Int64N(m.Time-begin+200)
			var want, have []uint64
			for i, one := range m.keys {
				if one.from <= at && at < one.until {
					want = append(want, uint64(i+1))
				}
			}
			for first := uint64(1); first != 0; {
				var out lookupOut
				if err := m.As("x@x").Query("lookup", &lookupIn{"alice@a", "signing", at, first}, &out); err != nil {
					t.Fatal(err)
				}
				for _, one := range out.Keys {
					have = append(have, one.Number)
				}
				first = out.Next
			}
			if !slices.Equal(want, have) {
				t.Fatalf("seed %d: valid at %d are %v, not %v", seed, at, want, have)
			}
		}
		steps := 0
		for first := uint64(0); ; {
			var out historyOut
			if err := m.As("x@x").Query("history", &historyIn{"alice@a", first}, &out); err != nil {
				t.Fatal(err)
			}
			steps += len(out.Changes)
			if first = out.Next; first == 0 {
				break
			}
		}
		if all := m.done["publish"] + m.done["rotate"] + m.done["revoke"]; steps != all || len(m.keys) <= pageMax {
			t.Errorf("seed %d: %d keys, and the history tells %d changes of %d", seed, len(m.keys), steps, all)
		}
		for method, n := range m.done {
			done[method] += n
		}
	}
	for _, method := range []string{"publish", "rotate", "revoke"} {
		if done[method] < 50 {
			t.Errorf("%s succeeded %d times only", method, done[method])
		}
	}
}

// A directory is for everyone: nothing in it has an audience.
func TestEverythingIsPublic(t *testing.T) {
	m := &model{ledgertest.New("directory"), rand.New(rand.NewPCG(1, 0)), nil, map[string]int{}}
	for range 50 {
		m.step(t)
	}
	if _, err := m.As("alice@a").Call("delegate", &delegateIn{"bob@b", m.Time + 1}); err != nil {
		t.Fatal(err)
	}
	for key := range m.State {
		if m.AudienceOf([]byte(key)) != nil {
			t.Errorf("%q has an audience", key)
		}
	}
	for _, e := range m.Events {
		if e.For() != nil {
			t.Errorf("event %s has an audience", e.Topic)
		}
	}
	if len(m.State) < 50 || len(m.Events) < 20 {
		t.Errorf("%d records and %d events", len(m.State), len(m.Events))
	}
}
