package main

import (
	"math/rand"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

var parties = []concordat.Party{"alice@a", "bob@b", "carol@c"}

// done calls a method by chance, and tells whether it was done.
func done(r *rand.Rand, l *ledgertest.Ledger, id string) (method string, ok bool) {
	p := parties[r.Intn(len(parties))]
	to := parties[r.Intn(len(parties))]
	by := l.As(p)
	if r.Intn(4) == 0 {
		by = l.As("notary@n")
	}
	if r.Intn(3) == 0 {
		by = by.Through([]string{"escrow", "thief"}[r.Intn(2)])
	}
	l.Time += r.Int63n(100)
	reg := l.As("reg@gov").With("role", "registrar")
	var err error
	switch method = []string{"offer", "accept", "withdraw", "hold", "release", "take_back", "lock", "unlock", "retire"}[r.Intn(9)]; method {
	case "offer":
		_, err = by.Call(method, &offerIn{id, to})
	case "hold":
		_, err = by.Call(method, &holdIn{id, []concordat.Party{"contract:escrow", "notary@n"}[r.Intn(2)], l.Time + r.Int63n(300)})
	case "release":
		_, err = by.Call(method, &releaseIn{id, to})
	case "lock":
		_, err = reg.Call(method, &lockIn{id, "why"})
	case "unlock":
		_, err = reg.Call(method, &idIn{id})
	case "retire":
		if r.Intn(20) > 0 { // it is for good
			return method, false
		}
		fallthrough
	default:
		_, err = by.Call(method, &idIn{id})
	}
	return method, err == nil
}

// Whatever parties try, an asset has one owner, who finds it; it changes hands only by
// acceptance or by the contract that has custody; and its history counts every act.
func TestAnAssetHasOneOwner(t *testing.T) {
	moved := 0
	for seed := range int64(12) {
		r := rand.New(rand.NewSource(seed))
		l := ledgertest.New("asset")
		must(t, l.As("admin@gov"), "init", &authority{})
		must(t, l.As("reg@gov").With("role", "registrar"), "register", &registerIn{ID: "x", Owner: "alice@a", Title: "x"})
		acts := uint64(1)
		for range 200 {
			var before, after asset
			read(t, l, "get", &idIn{"x"}, &before)
			method, ok := done(r, l, "x")
			read(t, l, "get", &idIn{"x"}, &after)
			if ok {
				acts++
			} else if before != after {
				t.Fatalf("seed %d: %s was refused and changed %v to %v", seed, method, before, after)
			}
			if before.Owner != after.Owner {
				moved++
				if method != "accept" && method != "release" || before.Locked != "" || before.Retired {
					t.Fatalf("seed %d: %s moved the asset from %v to %v", seed, method, before, after)
				}
			}
			var past historyOut
			read(t, l, "history", &historyIn{ID: "x"}, &past)
			if past.Count != acts {
				t.Fatalf("seed %d: %d entries after %d acts", seed, past.Count, acts)
			}
			for _, p := range parties {
				var list ownedOut
				read(t, l, "owned_by", &ownedIn{Owner: p}, &list)
				if (len(list.Assets) == 1) != (p == after.Owner && !after.Retired) {
					t.Fatalf("seed %d: %s has %v, and the owner is %s", seed, p, list.Assets, after.Owner)
				}
			}
		}
	}
	if moved < 5 {
		t.Fatal("assets moved too rarely to show anything:", moved)
	}
}

func must(t *testing.T, c ledgertest.Caller, method string, in concordat.Message) {
	t.Helper()
	if _, err := c.Call(method, in); err != nil {
		t.Fatal(method, err)
	}
}

func read(t *testing.T, l *ledgertest.Ledger, method string, in, out concordat.Message) {
	t.Helper()
	if err := l.As("dave@d").Query(method, in, out); err != nil {
		t.Fatal(method, err)
	}
}
