package main

import (
	"math/rand"
	"slices"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

var theMembers = []string{"bob@b", "org:a", "org:c"}

func begun(t *testing.T, l *ledgertest.Ledger) {
	t.Helper()
	if _, err := l.As("admin@a").Call("init", &group{Members: theMembers, Threshold: 2}); err != nil {
		t.Fatal(err)
	}
	in := &proposeIn{Proposal: "p", Title: "x", Contract: "other", Method: "act", Arguments: []byte{0x0a, 1, 'x'}, Expires: l.Time + 1000}
	if _, err := l.As("alice@a").Call("propose", in); err != nil {
		t.Fatal(err)
	}
}

// Whoever votes whatever, as often as they like: the counts are those of the votes that
// stand, each member has one, and what was approved is done once, with two approvals.
func TestWhatIsApprovedIsDoneOnce(t *testing.T) {
	ends := map[string]int{}
	for seed := range int64(200) {
		r := rand.New(rand.NewSource(seed))
		l := ledgertest.New("approval")
		acts := 0
		l.Others = func(contract, method string, args []byte) ([]byte, error) {
			if contract != "other" || method != "act" || string(args) != "\x0a\x01x" {
				t.Fatalf("%s.%s %x is asked", contract, method, args)
			}
			if r.Intn(2) == 0 {
				return nil, concordat.Fail(1, "not today")
			}
			acts++
			return []byte{0x08, 1}, nil
		}
		begun(t, l)
		var p proposal
		for range 25 {
			by := l.As([]concordat.Party{"alice@a", "alan@a", "bob@b", "ben@b", "carol@c", "dave@d"}[r.Intn(6)])
			_, _ = by.Call([]string{"approve", "reject", "withdraw"}[r.Intn(3)], &proposalIn{"p"}) // refused or not
			if err := l.As("dave@d").Query("get", &proposalIn{"p"}, &p); err != nil {
				t.Fatal(err)
			}
			var yes, no uint32
			for _, m := range theMembers {
				var v storedVote
				if raw, ok := l.State[string(concordat.Key("vote", "p", m))]; !ok {
					continue
				} else if !v.ParseValue(raw) {
					t.Fatal("a vote cannot be read")
				}
				if v.Message.Approve {
					yes++
				} else {
					no++
				}
			}
			if yes != p.Approvals || no != p.Rejections || (acts == 1) != (p.State == executed) || (yes == 2) != (p.State == executed) || acts > 1 {
				t.Fatalf("seed %d: %d approve, %d reject, %d acts: %+v", seed, yes, no, acts, p)
			}
		}
		ends[p.State]++
	}
	if ends[executed] == 0 || ends[rejected] == 0 {
		t.Fatal("not every end was reached, so this shows too little:", ends)
	}
}

// Who voted is in records and events for the group alone; what everyone can read names
// no member that voted.
func TestVotesAreTheGroups(t *testing.T) {
	l := ledgertest.New("approval")
	l.Others = func(string, string, []byte) ([]byte, error) { return nil, nil }
	begun(t, l)
	for _, by := range []concordat.Party{"carol@c", "bob@b"} {
		if _, err := l.As(by).Call("approve", &proposalIn{"p"}); err != nil {
			t.Fatal(err)
		}
	}
	group := concordat.Audience{"bob@b", "org:a", "org:c"}
	private := 0
	for key, value := range l.State {
		readers := l.AudienceOf([]byte(key))
		if key != string(concordat.Key("group")) && (contains(value, "bob@b") || contains(value, "carol@c")) {
			private++
			if !slices.Equal(readers, group) {
				t.Errorf("record %q names who voted, and is for %v", key, readers)
			}
		}
	}
	for _, e := range l.Events {
		if told := contains(e.Data, "bob@b") || contains(e.Data, "carol@c"); told != slices.Equal(e.For(), group) {
			t.Errorf("event %s %q is for %v", e.Topic, e.Data, e.For())
		}
	}
	for method, in := range map[string]concordat.Message{"get": &proposalIn{"p"}, "list": &listIn{}, "members": &concordat.Nothing{}} {
		var out concordat.Raw
		if err := l.As("dave@d").Query(method, in, &out); err != nil || len(out) == 0 || contains(out, "carol@c") || contains(out, "org:c") && method != "members" {
			t.Errorf("%s tells %q: %v", method, []byte(out), err)
		}
	}
	if private != 2 {
		t.Error("two votes are two records, not", private)
	}
}

func contains(b []byte, s string) bool {
	for i := range b {
		if len(b)-i >= len(s) && string(b[i:i+len(s)]) == s {
			return true
		}
	}
	return false
}
