package main

import (
	"slices"
	"strings"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

var (
	content = []byte("degree=MSc;subject=alice@a")
	salt    = [32]byte([]byte("a salt that nobody should guess!"))
)

// scene is a ledger where a claim about alice was issued and shown to bob.
func scene(t *testing.T) *ledgertest.Ledger {
	l := ledgertest.New("claims")
	call := func(who concordat.Party, method string, in concordat.Message) {
		t.Helper()
		if _, err := l.As(who).Call(method, in); err != nil {
			t.Fatal(err)
		}
	}
	var sum commitmentOut
	if err := l.As("uni@u").Query("commitment", &commitmentIn{content, salt}, &sum); err != nil {
		t.Fatal(err)
	}
	call("admin@x", "init", &initIn{})
	call("admin@x", "register_issuer", &registerIn{"uni@u", "The university", "ed25519", make([]byte, 32)})
	call("uni@u", "issue", &issueIn{Commitment: sum.Commitment, Until: l.Time + 9, Subject: "alice@a", Sealed: []byte("sealed for alice")})
	call("alice@a", "present", &presentIn{"uni@u", sum.Commitment, "bob@b", []byte("sealed for bob")})
	return l
}

// What is for every member tells nothing of what is claimed, nor about whom, nor who
// was shown it.
func TestNobodyElseLearnsOfAClaim(t *testing.T) {
	l := scene(t)
	told := map[string]concordat.Audience{
		"sealed for alice": {"alice@a"}, "sealed for bob": {"alice@a", "bob@b"}, "alice@a": {"alice@a"}, "bob@b": {"alice@a", "bob@b"},
		string(content): nil, string(salt[:]): nil,
	}
	private := 0
	check := func(what, text string, audience concordat.Audience) {
		t.Helper()
		if len(audience) > 0 {
			private++
		}
		for secret, most := range told {
			if !strings.Contains(text, secret) {
				continue
			}
			// alice@a stands in what bob@b may read, for she shows it to him.
			if secret == "alice@a" && slices.Equal(audience, concordat.Audience{"alice@a", "bob@b"}) {
				continue
			}
			if most == nil || !slices.Equal(audience, most) {
				t.Errorf("%s holds %q and is for %v", what, secret, audience)
			}
		}
	}
	for key, value := range l.State {
		check("a record", key+string(value), l.AudienceOf([]byte(key)))
	}
	for _, e := range l.Events {
		check("event "+e.Topic, e.Topic+string(e.Data), e.For())
	}
	if private != 4 {
		t.Errorf("%d records and events have an audience, not 4", private)
	}
}

// The list of what is said about a subject is for it alone, and is all there for it.
func TestASubjectListsItsClaims(t *testing.T) {
	l := scene(t)
	prefix := string(concordat.Key("holding", "alice@a"))
	found := 0
	for key := range l.State {
		if strings.HasPrefix(key, prefix) {
			found++
			if a := l.AudienceOf([]byte(key)); !slices.Equal(a, concordat.Audience{"alice@a"}) {
				t.Errorf("it is for %v", a)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d claims", found)
	}
}

// Whoever asks sees whether a claim is valid, and needs content and salt for that.
func TestAnswersNeedTheContent(t *testing.T) {
	l := scene(t)
	for _, who := range []concordat.Party{"stranger@s", "bob@b", "alice@a"} {
		var right, wrong standingOut
		if err := l.As(who).Query("verify", &verifyIn{"uni@u", content, salt}, &right); err != nil || !right.Valid {
			t.Error(right, err)
		}
		other := salt
		other[0]++
		if err := l.As(who).Query("verify", &verifyIn{"uni@u", content, other}, &wrong); err != nil || wrong != (standingOut{Standing: "unknown"}) {
			t.Error(wrong, err)
		}
	}
}
