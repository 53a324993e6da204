package main

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

var parties = []concordat.Party{"farm@f", "dairy@d", "shop@s"}

// random is a ledger on which parties do as chance has it.
type random struct {
	*ledgertest.Ledger
	*rand.Rand
	made    int
	created uint64
	done    map[string]int // calls that succeeded, by method
}

func newRandom(seed uint64) *random {
	return &random{Ledger: ledgertest.New("supply"), Rand: rand.New(rand.NewPCG(seed, 0)), done: map[string]int{}}
}

// all are the lots by name, as the state has them.
func (r *random) all(t *testing.T) map[string]*lot {
	lots := map[string]*lot{}
	for key, value := range r.State {
		if len(key) < 4 || key[:4] != string(concordat.Key("lot")) {
			continue
		}
		one := &lot{}
		if err := concordat.Decode(value, one); err != nil {
			t.Fatal(err)
		}
		lots[one.ID] = one
	}
	return lots
}

func (r *random) name() string {
	r.made++
	return "lot-" + strconv.Itoa(r.made)
}

// any is one of the newest lots, mostly one that is there still.
func (r *random) any(t *testing.T) *lot {
	lots := slices.SortedFunc(maps.Values(r.all(t)), func(a, b *lot) int { return int(b.Number) - int(a.Number) })
	if r.IntN(10) > 0 {
		lots = slices.DeleteFunc(lots, func(one *lot) bool { return len(one.Children) > 0 })
	}
	if len(lots) == 0 {
		return &lot{ID: "none"}
	}
	return lots[r.IntN(min(8, len(lots)))]
}

func (r *random) try(who ledgertest.Caller, method string, in concordat.Message) {
	if _, err := who.Call(method, in); err == nil {
		r.done[method]++
	}
}

func (r *random) step(t *testing.T) {
	one := r.any(t)
	holder, to := r.As(one.Holder), r.As(one.OfferedTo)
	if r.IntN(10) == 0 { // by somebody whom it may not concern
		holder, to = r.As(parties[r.IntN(len(parties))]), holder
	}
	r.Time += int64(r.IntN(10))
	switch r.IntN(8) {
	case 0:
		q := uint64(r.IntN(100))
		in := &createIn{ID: r.name(), Product: "milk", Quantity: q, Unit: "litre"}
		if _, err := r.As(parties[r.IntN(len(parties))]).With("role", "producer").Call("create", in); err == nil {
			r.created += q
			r.done["create"]++
		}
	case 1:
		in := &splitIn{ID: one.ID}
		for range 2 + r.IntN(3) {
			in.Parts = append(in.Parts, part{r.name(), uint64(r.IntN(20))})
		}
		if r.IntN(2) == 0 {
			in.Parts = []part{{r.name(), one.Quantity / 2}, {r.name(), one.Quantity - one.Quantity/2}}
		}
		r.try(holder, "split", in)
	case 2:
		r.try(holder, "merge", &mergeIn{IDs: []string{one.ID, r.any(t).ID}, ID: r.name()})
	case 3, 4:
		r.try(holder, "offer", &offerIn{ID: one.ID, To: parties[r.IntN(len(parties))], Until: r.Time + int64(r.IntN(200))})
	case 5:
		r.try(to, "accept", &acceptIn{ID: one.ID})
	case 6:
		r.try(to, "refuse", &idIn{one.ID})
	case 7:
		r.try(holder, "withdraw", &idIn{one.ID})
	}
}

// Whatever is split, merged and handed over, there is as much as was created, and it
// is made of what its parents say.
func TestQuantitiesArePreserved(t *testing.T) {
	done := map[string]int{}
	for seed := range uint64(30) {
		r := newRandom(seed)
		for range 300 {
			r.step(t)
		}
		there := uint64(0)
		lots := r.all(t)
		for _, one := range lots {
			if len(one.Children) == 0 {
				there += one.Quantity
			}
			for _, parent := range one.Parents {
				if !slices.Contains(lots[parent].Children, one.ID) || lots[parent].Number >= one.Number {
					t.Fatalf("seed %d: %s is no child of %s", seed, one.ID, parent)
				}
			}
		}
		if there != r.created {
			t.Fatalf("seed %d: %d were created, there are %d", seed, r.created, there)
		}
		for method, n := range r.done {
			done[method] += n
		}
	}
	for _, method := range []string{"create", "split", "merge", "offer", "accept", "refuse", "withdraw"} {
		if done[method] < 30 {
			t.Errorf("%s succeeded %d times only", method, done[method])
		}
	}
}

// family is a ledger with lots that were split and merged at random by one party.
func family(t *testing.T, seed uint64) *random {
	r := newRandom(seed)
	farm := r.As("farm@f")
	for range 150 {
		one := r.any(t)
		switch r.IntN(5) {
		case 0:
			r.try(farm.With("role", "producer"), "create", &createIn{ID: r.name(), Product: "milk", Quantity: 1000, Unit: "litre"})
		case 1, 2:
			r.try(farm, "split", &splitIn{ID: one.ID, Parts: []part{{r.name(), 1}, {r.name(), 2}, {r.name(), one.Quantity - min(3, one.Quantity)}}})
		default:
			r.try(farm, "merge", &mergeIn{IDs: []string{one.ID, r.any(t).ID}, ID: r.name()})
		}
	}
	return r
}

// reach are the names of a lot and of all that next leads to.
func reach(lots map[string]*lot, id string, next func(*lot) []string) map[string]bool {
	seen := map[string]bool{}
	for open := []string{id}; len(open) > 0; {
		id, open = open[0], open[1:]
		if !seen[id] {
			seen[id] = true
			open = append(open, next(lots[id])...)
		}
	}
	return seen
}

// Page by page a trace tells each lot of which a lot was made, once, and no other.
func TestATraceFindsAllOriginsOnce(t *testing.T) {
	largest := 0
	for seed := range uint64(20) {
		r := family(t, seed)
		lots := r.all(t)
		for id := range lots {
			want := reach(lots, id, func(one *lot) []string { return one.Parents })
			largest = max(largest, len(want))
			seen := map[string]bool{}
			for rest := []string{id}; len(rest) > 0; {
				var out traceOut
				if err := r.As("x@x").Query("trace", &traceIn{IDs: rest}, &out); err != nil {
					t.Fatal(err)
				}
				for i := range out.Lots {
					if seen[out.Lots[i].ID] || !want[out.Lots[i].ID] {
						t.Fatalf("seed %d: the trace of %s tells %s, again or wrongly", seed, id, out.Lots[i].ID)
					}
					seen[out.Lots[i].ID] = true
				}
				rest = out.Rest
			}
			if len(seen) != len(want) {
				t.Fatalf("seed %d: the trace of %s tells %d lots of %d", seed, id, len(seen), len(want))
			}
		}
	}
	if largest <= 2*traceMax {
		t.Errorf("no trace has more than two pages; the longest has %d lots", largest)
	}
}

// Call by call a recall reaches all that was made of a lot, and no other.
func TestARecallReachesAllDescendants(t *testing.T) {
	calls := 0
	for seed := range uint64(40) {
		r := family(t, seed)
		before := r.all(t)
		root, want := "", map[string]bool{}
		for id := range before {
			of := reach(before, id, func(one *lot) []string { return one.Children })
			if len(of) > len(want) || len(of) == len(want) && id < root {
				root, want = id, of
			}
		}
		var out recallOut
		if err := r.As(before[root].Producer).Read("recall", &reasonIn{root, "listeria"}, &out); err != nil {
			t.Fatal(err)
		}
		for ; !out.Done; calls++ {
			if err := r.As("x@x").Read("continue_recall", &idIn{root}, &out); err != nil {
				t.Fatal(err)
			}
		}
		if out.Marked != uint64(len(want)) {
			t.Fatalf("seed %d: %d lots are marked of %d", seed, out.Marked, len(want))
		}
		for id, one := range r.all(t) {
			if (one.Recalled == root) != want[id] {
				t.Fatalf("seed %d: %s is recalled with %q", seed, id, one.Recalled)
			}
		}
	}
	if calls == 0 {
		t.Error("no recall needed a second call")
	}
}
