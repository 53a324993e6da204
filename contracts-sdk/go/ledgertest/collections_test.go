package ledgertest_test

import (
	"slices"
	"strings"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

type (
	amount = concordat.Amount
	stored = concordat.Stored[text, *text]
)

var (
	amounts = concordat.Map[amount, *amount]{Name: "amount"}
	total   = concordat.Single[amount, *amount]{Name: "total"}
	colours = concordat.Index{Name: "colour"}
	prices  = concordat.History[stored, *stored]{Name: "price"}
)

func inside(t *testing.T, f func(c *concordat.Context)) {
	t.Helper()
	if err := do(ledgertest.New("x").As("a@a"), "do", times(1, func(c *concordat.Context) { c.DeclassifyResult(); f(c) })); err != nil {
		t.Fatal(err)
	}
}

func TestAMapIsReadInPages(t *testing.T) {
	inside(t, func(c *concordat.Context) {
		for n := range uint64(300) {
			amounts.Put(c, concordat.NewAmount(n+1), "a", concordat.Number(n))
		}
		amounts.Put(c, concordat.NewAmount(7), "b")
		amounts.Put(c, concordat.NewAmount(7), "ab")
		var last []string
		var seen []uint64
		for {
			page := 0
			visit := func(key []string, v amount) bool {
				n, _ := concordat.ParseNumber(key[1])
				if v != concordat.NewAmount(n+1) {
					t.Errorf("%d: %v", n, v)
				}
				seen, last = append(seen, n), key
				page++
				return page < 100
			}
			if last == nil {
				amounts.Scan(c, visit, "a")
			} else {
				amounts.ScanAfter(c, last, visit, "a")
			}
			if page == 0 {
				break
			}
		}
		if len(seen) != 300 || !slices.IsSorted(seen) {
			t.Errorf("%d entries", len(seen))
		}
		amounts.Delete(c, "b")
		if _, ok := amounts.Find(c, "b"); ok {
			t.Error("a deleted value is found")
		}
		all := 0
		amounts.Scan(c, func([]string, amount) bool { all++; return true })
		if all != 301 {
			t.Error(all)
		}
	})
}

func TestASingleValue(t *testing.T) {
	inside(t, func(c *concordat.Context) {
		if _, ok := total.Find(c); ok || total.Get(c) != (amount{}) {
			t.Error("there is a value already")
		}
		total.Put(c, concordat.NewAmount(5))
		if total.Get(c) != concordat.NewAmount(5) {
			t.Error(total.Get(c))
		}
		total.Delete(c)
		if _, ok := total.Find(c); ok {
			t.Error("a deleted value is found")
		}
	})
}

func TestAnIndexFindsIds(t *testing.T) {
	inside(t, func(c *concordat.Context) {
		for _, id := range []string{"3", "1", "2"} {
			colours.Add(c, "red", id)
		}
		colours.Add(c, "redder", "4")
		colours.Remove(c, "red", "1")
		found := ""
		colours.Scan(c, "red", func(id string) bool { found += id; return true })
		for last, want := range map[string]string{"": "23", "1": "23", "2": "3", "3": ""} {
			rest := ""
			colours.ScanAfter(c, "red", last, func(id string) bool { rest += id; return true })
			if rest != want {
				t.Errorf("after %q stands %q", last, rest)
			}
		}
		if found != "23" || !colours.Has(c, "red", "2") || colours.Has(c, "red", "1") {
			t.Error(found)
		}
	})
}

func TestAHistoryKeepsWhatWasAppended(t *testing.T) {
	inside(t, func(c *concordat.Context) {
		for i, s := range []string{"a", "", "c", "d"} {
			if n := prices.Append(c, stored{Message: text{s}}, "oil"); n != uint64(i) {
				t.Error(n)
			}
		}
		prices.Append(c, stored{Message: text{"other"}}, "oil", concordat.Number(0))
		list := func(scan func(c *concordat.Context, from, to uint64, visit func(uint64, stored) bool, key ...string), from, to uint64) string {
			var all []string
			scan(c, from, to, func(n uint64, v stored) bool {
				all = append(all, concordat.Number(n)[7:]+v.Message.Text)
				return true
			}, "oil")
			return strings.Join(all, ",")
		}
		if prices.Count(c, "oil") != 4 || prices.Count(c, "gas") != 0 || prices.Count(c, "oil", concordat.Number(0)) != 1 {
			t.Error(prices.Count(c, "oil"))
		}
		if have := list(prices.Scan, 0, 99); have != "\x00a,\x01,\x02c,\x03d" {
			t.Errorf("%q", have)
		}
		if have := list(prices.ScanNewest, 1, 3); have != "\x02c,\x01" {
			t.Errorf("%q", have)
		}
		if v, ok := prices.Find(c, 3, "oil"); !ok || v.Message.Text != "d" {
			t.Error(v, ok)
		}
		if _, ok := prices.Find(c, 4, "oil"); ok {
			t.Error("there is a fifth")
		}
	})
}

// Values for different audiences stand in one history; how many there are is told.
func TestCollectionsHaveAudiences(t *testing.T) {
	l := ledgertest.New("x")
	a, b := concordat.Audience{"a@a"}, concordat.Audience{"org:b"}
	run := func(method string, f func(c *concordat.Context)) {
		t.Helper()
		if err := do(l.As("a@a"), method, times(1, func(c *concordat.Context) { c.DeclassifyResult(); f(c) })); err != nil {
			t.Fatal(err)
		}
	}
	run("do", func(c *concordat.Context) {
		prices.AppendFor(c, a, stored{Message: text{"1"}}, "oil")
		prices.AppendFor(c, b, stored{Message: text{"2"}}, "oil")
		amounts.PutFor(c, a, concordat.NewAmount(1), "k")
		total.PutFor(c, b, concordat.NewAmount(1))
		colours.AddFor(c, a, "red", "1")
	})
	run("do", func(c *concordat.Context) {
		prices.Find(c, 0, "oil")
		prices.AppendFor(c, a, stored{Message: text{"3"}}, "oil")
		total.PutDeclassified(c, nil, amounts.Get(c, "k"))
		amounts.PutDeclassified(c, nil, total.Get(c), "k")
	})
	var out text
	act = func(c *concordat.Context) (string, error) {
		_, first := prices.Find(c, 0, "oil")
		if n := prices.Count(c, "oil"); n != 3 || first || colours.Has(c, "red", "1") || total.Get(c) != concordat.NewAmount(1) {
			t.Error(n, first)
		}
		return "", nil
	}
	if err := l.As("b@b").Query("look", &none{}, &out); err != nil {
		t.Error(err)
	}
	trapped(t, do(l.As("a@a"), "do", times(1, func(c *concordat.Context) {
		prices.Find(c, 0, "oil")
		prices.AppendFor(c, b, stored{}, "oil")
	})), "not everyone in the audience")
}
