package ledgertest_test

import (
	"errors"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

func refused(t *testing.T, err error, code uint32, want string) {
	t.Helper()
	var e *concordat.Error
	if !errors.As(err, &e) || e.Code != code || e.Message != want {
		t.Errorf("%v, not %d %s", err, code, want)
	}
}

const enteredAgain = "contract x is in a call already and cannot be entered again"

func TestAContractInACallIsNotEnteredAgain(t *testing.T) {
	l := ledgertest.New("x")
	direct := func(c *concordat.Context) (string, error) { return "", c.Call("x", "do", &none{}, &none{}) }
	refused(t, do(l.As("a@a"), "do", direct), 0, enteredAgain)
	// The same through another contract, which calls back.
	l.Others = func(contract, _ string, _ []byte) ([]byte, error) {
		return l.As("a@a").Through(contract).Call("do", &none{})
	}
	back := func(c *concordat.Context) (string, error) { return "", c.Call("y", "m", &none{}, &none{}) }
	refused(t, do(l.As("a@a"), "do", back), 0, enteredAgain)
	if l.Height != 3 {
		t.Error("a call within a call is no block of its own:", l.Height)
	}
	// Whatever was refused, the next call finds the contract in no call.
	if err := do(l.As("a@a"), "do", func(*concordat.Context) (string, error) { return "", nil }); err != nil {
		t.Error(err)
	}
}

func TestAContractThatIsReadyIsEnteredAgain(t *testing.T) {
	l := ledgertest.New("x")
	l.Reentrant = true
	l.Others = func(contract, _ string, _ []byte) ([]byte, error) {
		return l.As("a@a").Through(contract).Call("do", &none{})
	}
	for _, by := range []concordat.Party{"contract:x", "contract:y"} {
		err := do(l.As("a@a").With("role", "teller"), "do", func(c *concordat.Context) (string, error) {
			if c.Via != "" {
				if c.Caller != by || c.Organisation != "" || len(c.Attributes) != 0 || c.Signer != "a@a" {
					t.Errorf("%+v", c)
				}
				c.Put([]byte("inner"), nil)
				return "from " + c.Via, nil
			}
			c.Scan(nil, nil, func(_, _ []byte) bool { t.Error("nothing is there"); return false })
			var out text
			err := c.Call(string(by[len("contract:"):]), "do", &none{}, &out)
			if _, ok := c.Get([]byte("inner")); !ok || out.Text != "from "+string(by[len("contract:"):]) {
				t.Error("the inner call left nothing:", out.Text, ok)
			}
			c.Delete([]byte("inner"))
			return "", err
		})
		if err != nil {
			t.Error(err)
		}
	}
	init := func(c *concordat.Context) (string, error) { return "", c.Call("x", "init", &none{}, &none{}) }
	refused(t, do(l.As("a@a"), "do", init), concordat.CodeUnknownMethod, "init runs once, at deployment")
	migrate := func(c *concordat.Context) (string, error) { return "", c.Call("x", "migrate", &none{}, &none{}) }
	refused(t, do(l.As("a@a"), "do", migrate), concordat.CodeUnknownMethod, "migrate runs when a module replaces another")
}

func TestCallsWithinCallsHaveAnEnd(t *testing.T) {
	l := ledgertest.New("x")
	l.Reentrant = true
	depth := 0
	refused(t, do(l.As("a@a"), "do", func(c *concordat.Context) (string, error) {
		depth++
		return "", c.Call("x", "do", &none{}, &none{})
	}), 0, "contracts call each other more than 8 deep")
	if depth != 8 {
		t.Error("so deep:", depth)
	}
}

func TestWhatAnInnerCallDidIsUndoneWithIt(t *testing.T) {
	l := ledgertest.New("x")
	l.Reentrant = true
	for name, end := range map[string]func() error{
		"fails": func() error { return concordat.Fail(3, "no") },
		"traps": func() error { panic("no") },
	} {
		err := do(l.As("a@a"), "do", func(c *concordat.Context) (string, error) {
			if c.Via != "" {
				c.Put([]byte("inner"), nil)
				c.Emit("inner", &none{})
				return "", end()
			}
			c.Put([]byte("outer"), nil)
			var e *concordat.Error
			if err := c.Call("x", "do", &none{}, &none{}); !errors.As(err, &e) || e.Code != map[string]uint32{"fails": 3, "traps": concordat.CodeTrapped}[name] {
				t.Error(name, err)
			}
			return "", nil
		})
		if _, ok := l.State["outer"]; err != nil || !ok || len(l.State) != 1 || len(l.Events) != 0 {
			t.Error(name, err, l.State, l.Events)
		}
	}
}

func TestAContractDoesNotSign(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a contract signs")
		}
	}()
	ledgertest.New("x").As("contract:y")
}
