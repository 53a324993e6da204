package main

import (
	"slices"
	"strings"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

// The terms of each handover are for its two parties: not for the other members, nor
// for those who hold the lot before and after.
func TestTermsAreForTheTwoParties(t *testing.T) {
	l := ledgertest.New("supply")
	call := func(who ledgertest.Caller, method string, in concordat.Message) {
		t.Helper()
		if _, err := who.Call(method, in); err != nil {
			t.Fatal(err)
		}
	}
	first, second := [32]byte([]byte("terms of the farm and the dairy!")), [32]byte([]byte("terms of the dairy and the shop!"))
	call(l.As("farm@f").With("role", "producer"), "create", &createIn{"L", "milk", 10, "litre"})
	call(l.As("farm@f"), "offer", &offerIn{"L", "dairy@d", l.Time + 1, first, []byte("sealed for the dairy")})
	call(l.As("dairy@d"), "accept", &acceptIn{"L", first})
	call(l.As("dairy@d"), "offer", &offerIn{"L", "shop@s", l.Time + 1, second, []byte("sealed for the shop")})
	call(l.As("shop@s"), "accept", &acceptIn{"L", second})

	private := 0
	check := func(what, content string, audience concordat.Audience) {
		t.Helper()
		var want concordat.Audience
		switch {
		case strings.Contains(content, string(first[:])) || strings.Contains(content, "sealed for the dairy"):
			want = concordat.Audience{"dairy@d", "farm@f"}
		case strings.Contains(content, string(second[:])) || strings.Contains(content, "sealed for the shop"):
			want = concordat.Audience{"dairy@d", "shop@s"}
		default:
			return
		}
		private++
		if !slices.Equal(audience, want) {
			t.Errorf("%s holds terms and is for %v, not %v", what, audience, want)
		}
	}
	for key, value := range l.State {
		check("a record", key+string(value), l.AudienceOf([]byte(key)))
	}
	for _, e := range l.Events {
		check("event "+e.Topic, string(e.Data), e.For())
	}
	if private != 2 {
		t.Errorf("%d records or events hold terms, not 2", private)
	}
	for _, who := range []concordat.Party{"stranger@x", "farm@f", "dairy@d", "shop@s"} {
		for method, in := range map[string]concordat.Message{"lot": &idIn{"L"}, "handovers": &pageIn{ID: "L"}, "trace": &traceIn{IDs: []string{"L"}}} {
			var out concordat.Raw
			if err := l.As(who).Query(method, in, &out); err != nil {
				t.Fatal(err)
			}
			check("the answer of "+method, string(out), nil)
		}
	}
}
