package ledgertest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

type text struct{ Text string }

func (t *text) Fields(f *concordat.Fields) { f.String(1, &t.Text) }

type none = concordat.Nothing

// act is what the method "do" does; each test sets its own.
var act func(c *concordat.Context) (string, error)

func init() {
	run := func(c *concordat.Context, _ *none) (*text, error) {
		out, err := act(c)
		return &text{out}, err
	}
	concordat.Register(concordat.Method("init", run), concordat.Method("do", run), concordat.Query("look", run))
}

func do(c ledgertest.Caller, method string, f func(c *concordat.Context) (string, error)) error {
	act = f
	return c.Read(method, &none{}, &text{})
}

func trapped(t *testing.T, err error, want string) {
	t.Helper()
	var trap *ledgertest.Trapped
	if !errors.As(err, &trap) || !strings.Contains(trap.Reason, want) {
		t.Fatalf("%v, not a trap with %q", err, want)
	}
}

func times(n int, f func(c *concordat.Context)) func(c *concordat.Context) (string, error) {
	return func(c *concordat.Context) (string, error) {
		for range n {
			f(c)
		}
		return "", nil
	}
}

func TestWhatALedgerRefusesIsRefusedHere(t *testing.T) {
	put := func(c *concordat.Context) { c.Put([]byte("k"), []byte("v")) }
	emit := func(c *concordat.Context) { c.Emit("t", &none{}) }
	scan := func(c *concordat.Context) { c.Scan(nil, nil, func(_, _ []byte) bool { return true }) }
	for name, one := range map[string]struct {
		n    int
		f    func(c *concordat.Context)
		want string
	}{
		"writes":          {1000, put, "put: the limit of a transaction is reached"},
		"deletes":         {1000, func(c *concordat.Context) { c.Delete([]byte("k")) }, "delete: the limit"},
		"events":          {256, emit, "emit: the limit"},
		"bytes of events": {1, func(c *concordat.Context) { c.Emit("t", &text{strings.Repeat("x", 40<<10)}) }, "emit: the limit"},
		"scans":           {16, scan, "too many scans"},
		"no key":          {0, func(c *concordat.Context) { c.Put(nil, []byte("v")) }, "put: a key"},
		"long key":        {0, func(c *concordat.Context) { c.Delete(make([]byte, 257)) }, "delete: a key"},
		"long value":      {0, func(c *concordat.Context) { c.Put([]byte("k"), make([]byte, 60<<10+1)) }, "put: a key, value"},
		"no topic":        {0, func(c *concordat.Context) { c.Emit("", &none{}) }, "emit: a key"},
		"long topic":      {0, func(c *concordat.Context) { c.Emit(strings.Repeat("t", 65), &none{}) }, "emit: a key"},
		"no entry":        {0, func(c *concordat.Context) { c.PutFor(concordat.Audience{"a@a", ""}, []byte("k"), nil) }, "malformed audience"},
	} {
		l := ledgertest.New("x")
		if one.n > 0 {
			if err := do(l.As("a@a"), "do", times(one.n, one.f)); err != nil {
				t.Errorf("%s: %d are refused: %v", name, one.n, err)
			}
		}
		state, events := len(l.State), len(l.Events)
		trapped(t, do(l.As("a@a"), "do", times(one.n+1, one.f)), one.want)
		if len(l.State) != state || len(l.Events) != events {
			t.Errorf("%s: a call that trapped left something", name)
		}
	}
	l := ledgertest.New("x")
	err := do(l.As("a@a"), "do", times(1, func(c *concordat.Context) {
		c.PutFor(concordat.Audience{"b@b", "org:x", "a@a", "b@b"}, []byte("k"), nil)
	}))
	if want := (concordat.Audience{"a@a", "b@b", "org:x"}); err != nil || !slices.Equal(l.AudienceOf([]byte("k")), want) {
		t.Errorf("an audience in any order, with one entry twice, is %v, %v", l.AudienceOf([]byte("k")), err)
	}
	trapped(t, do(l.As("a@a"), "do", func(*concordat.Context) (string, error) { return strings.Repeat("x", 64<<10), nil }), "an output of")
	if _, err := l.As("a@a").CallRaw("do", make([]byte, 64<<10+1)); err == nil {
		t.Error("arguments of more than 64 KiB are taken")
	}
}

func TestQueriesChangeNothing(t *testing.T) {
	l := ledgertest.New("x")
	writes := map[string]func(c *concordat.Context){
		"put": func(c *concordat.Context) { c.Put([]byte("k"), []byte("v")) },
		"del": func(c *concordat.Context) { c.Delete([]byte("k")) }, "emit": func(c *concordat.Context) { c.Emit("t", &none{}) },
	}
	for _, f := range writes {
		trapped(t, do(l.As("a@a"), "look", times(1, f)), "is refused in a query")
		act = times(1, f)
		trapped(t, l.As("a@a").Query("do", &none{}, &text{}), "is refused in a query")
	}
	if len(l.State) != 0 || len(l.Events) != 0 {
		t.Errorf("%v, %v", l.State, l.Events)
	}
}

func TestQueriesSeeWhatEveryMemberMay(t *testing.T) {
	l := ledgertest.New("x")
	err := do(l.As("a@a"), "do", func(c *concordat.Context) (string, error) {
		c.Put([]byte("all"), []byte("1"))
		c.PutFor(concordat.Audience{"a@a", "org:b"}, []byte("few"), []byte("2"))
		return "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := l.AudienceOf([]byte("few")); len(a) != 2 || a[1] != "org:b" || l.AudienceOf([]byte("all")) != nil {
		t.Errorf("%v", a)
	}
	look := func(c *concordat.Context) (string, error) {
		c.DeclassifyResult()
		seen := ""
		c.ScanReverse(nil, nil, func(key, value []byte) bool {
			seen += string(key) + "=" + string(value) + " "
			return true
		})
		if _, ok := c.Get([]byte("few")); ok {
			seen += "few"
		}
		return seen, nil
	}
	var out text
	act = look
	if err := l.As("a@a").Query("look", &none{}, &out); err != nil || out.Text != "all=1 " {
		t.Errorf("a query sees %q, %v", out.Text, err)
	}
	if err := l.As("a@a").Read("do", &none{}, &out); err != nil || out.Text != "few=2 all=1 few" {
		t.Errorf("a transaction sees %q, %v", out.Text, err)
	}
}

func TestInitRunsOnce(t *testing.T) {
	l := ledgertest.New("x")
	refuse := func(*concordat.Context) (string, error) { return "", concordat.Fail(1, "no") }
	agree := func(*concordat.Context) (string, error) { return "", nil }
	if do(l.As("a@a"), "init", refuse) == nil {
		t.Error("a refusal is lost")
	}
	if err := do(l.As("a@a"), "init", agree); err != nil {
		t.Error("a deployment that failed cannot be tried again:", err)
	}
	if err := do(l.As("a@a"), "init", agree); err == nil || err.Error() != "init runs once, at deployment" {
		t.Error("a second init:", err)
	}
	l = ledgertest.New("x")
	if err := do(l.As("a@a"), "do", agree); err != nil {
		t.Error(err)
	}
	if do(l.As("a@a"), "init", agree) == nil {
		t.Error("init runs after the deployment")
	}
}

func TestTheContextIsWhatTheTestSays(t *testing.T) {
	l := ledgertest.New("x")
	l.Height, l.Time = 7, 9
	teller := l.As("a@b").With("role", "teller")
	err := do(teller.With("branch", "7").Through("bank"), "do", func(c *concordat.Context) (string, error) {
		if c.Caller != "contract:bank" || c.Organisation != "" || c.Signer != "a@b" || c.Via != "bank" || c.Self != "x" || c.Height != 7 || c.Time != 9 ||
			len(c.Attributes) != 0 || len(c.CommandID) == 0 {
			t.Errorf("%+v", c)
		}
		return "", c.Call("x", "do", &none{}, &none{})
	})
	if err == nil || err.Error() != "contract x is in a call already and cannot be entered again" {
		t.Error(err)
	}
	if err := do(teller.With("branch", "7"), "do", func(c *concordat.Context) (string, error) {
		if c.Caller != "a@b" || c.Signer != "a@b" || c.Via != "" || len(c.Attributes) != 2 || c.Attributes[1].Value != "7" {
			t.Errorf("%+v", c)
		}
		return c.Attributes[0].Name, c.Call("y", "m", &none{}, &none{})
	}); err == nil {
		t.Error("a contract that is not there answers")
	}
	l.Others = func(contract, method string, args []byte) ([]byte, error) {
		return concordat.Encode(&text{contract + "." + method}), nil
	}
	err = do(teller, "do", func(c *concordat.Context) (string, error) {
		var out text
		err := c.Call("y", "m", &text{"in"}, &out)
		if out.Text != "y.m" {
			t.Errorf("%+v", out)
		}
		return "", err
	})
	if err != nil || l.Height != 10 {
		t.Error(err, l.Height)
	}
}
