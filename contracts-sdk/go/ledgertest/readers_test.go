package ledgertest_test

import (
	"crypto/ed25519"
	"errors"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

// keep writes records for audiences, in keys a, b, …
func keep(t *testing.T, l *ledgertest.Ledger, audiences ...concordat.Audience) {
	t.Helper()
	err := do(l.As("a@a"), "do", func(c *concordat.Context) (string, error) {
		for i, a := range audiences {
			c.PutFor(a, []byte{byte('a' + i)}, []byte("v"))
		}
		return "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatWasReadIsNotToldToMore(t *testing.T) {
	type list = []concordat.Audience
	for name, one := range map[string]struct {
		read list
		tell concordat.Audience
		ok   bool
	}{
		"nothing private":            {list{nil}, nil, true},
		"to everybody":               {list{{"a@a"}}, nil, false},
		"to fewer":                   {list{{"a@a", "org:b"}}, concordat.Audience{"org:b"}, true},
		"to one of the organisation": {list{{"org:a"}}, concordat.Audience{"x@a"}, true},
		"to its organisation":        {list{{"x@a"}}, concordat.Audience{"org:a"}, false},
		"to who may read both":       {list{{"a@a", "org:b"}, {"x@b"}}, concordat.Audience{"x@b"}, true},
		"to who may read one":        {list{{"a@a", "org:b"}, {"x@b"}}, concordat.Audience{"a@a"}, false},
		"nobody is left":             {list{{"a@a"}, {"b@b"}}, nil, false},
	} {
		for how, write := range map[string]func(c *concordat.Context, declassified bool){
			"put": func(c *concordat.Context, declassified bool) {
				if declassified {
					c.PutDeclassified(one.tell, []byte("z"), nil)
				} else {
					c.PutFor(one.tell, []byte("z"), nil)
				}
			},
			"emit": func(c *concordat.Context, declassified bool) {
				if declassified {
					c.EmitDeclassified(one.tell, "t", &none{})
				} else {
					c.EmitFor(one.tell, "t", &none{})
				}
			},
		} {
			l := ledgertest.New("x")
			keep(t, l, one.read...)
			tell := func(declassified bool) error {
				return do(l.As("a@a"), "do", func(c *concordat.Context) (string, error) {
					c.DeclassifyResult() // the text's length
					c.Scan(nil, nil, func(_, _ []byte) bool { return true })
					write(c, declassified)
					return "", nil
				})
			}
			if err := tell(false); one.ok && err != nil {
				t.Errorf("%s, %s: %v", name, how, err)
			} else if !one.ok {
				trapped(t, err, how+": not everyone in the audience may read")
			}
			if err := tell(true); err != nil {
				t.Errorf("%s, %s declassified: %v", name, how, err)
			}
		}
	}
}

func TestHowACallEndsIsNotTold(t *testing.T) {
	l := ledgertest.New("x")
	keep(t, l, concordat.Audience{"a@a"})
	end := func(open bool, err error) func(c *concordat.Context) (string, error) {
		return func(c *concordat.Context) (string, error) {
			if open {
				c.DeclassifyResult()
			}
			c.Get([]byte("a"))
			return "secret", err
		}
	}
	trapped(t, do(l.As("a@a"), "do", end(false, nil)), "an output is shown to every member")
	var e *concordat.Error
	if err := do(l.As("a@a"), "do", end(false, concordat.Fail(7, "secret"))); !errors.As(err, &e) || e.Code != 7 || e.Message == "secret" {
		t.Error(err)
	}
	if err := do(l.As("a@a"), "do", end(true, concordat.Fail(7, "secret"))); err.Error() != "secret" {
		t.Error(err)
	}
	if err := do(l.As("a@a"), "do", end(true, nil)); err != nil {
		t.Error(err)
	}
	if err := do(l.As("a@a").Through("other"), "do", end(false, nil)); err != nil {
		t.Error("another contract is told all:", err)
	}
	if err := do(l.As("a@a"), "look", end(false, nil)); err != nil {
		t.Error("a query sees what its reader may:", err)
	}
}

func TestACalledContractsReadsCount(t *testing.T) {
	l := ledgertest.New("x")
	l.Others = func(_, _ string, _ []byte) ([]byte, error) {
		l.ReadFor(concordat.Audience{"a@a"})
		return nil, concordat.Fail(3, "no")
	}
	trapped(t, do(l.As("a@a"), "do", func(c *concordat.Context) (string, error) {
		var e *concordat.Error
		if err := c.CallWithGas("y", "m", 1000, &none{}, &none{}); !errors.As(err, &e) || e.Code != 3 {
			t.Error(err)
		}
		c.Put([]byte("k"), nil)
		return "", nil
	}), "not everyone in the audience")
}

func TestWhoMayCall(t *testing.T) {
	l := ledgertest.New("x")
	code := func(f func(c *concordat.Context) error) uint32 {
		err := do(l.As("a@b").With("role", "teller"), "do", func(c *concordat.Context) (string, error) { return "", f(c) })
		var e *concordat.Error
		if !errors.As(err, &e) {
			return 0
		}
		return e.Code
	}
	for name, one := range map[string]struct {
		f    func(c *concordat.Context) error
		want uint32
	}{
		"party":              {func(c *concordat.Context) error { return c.RequireParty("z@z", "a@b") }, 0},
		"other party":        {func(c *concordat.Context) error { return c.RequireParty("z@z") }, concordat.CodeForbidden},
		"attribute":          {func(c *concordat.Context) error { return c.RequireAttribute("role", "teller") }, 0},
		"other attribute":    {func(c *concordat.Context) error { return c.RequireAttribute("role", "auditor") }, concordat.CodeForbidden},
		"no attribute":       {func(c *concordat.Context) error { return c.RequireAttribute("rank", "") }, concordat.CodeForbidden},
		"organisation":       {func(c *concordat.Context) error { return c.RequireOrganisation("b") }, 0},
		"other organisation": {func(c *concordat.Context) error { return c.RequireOrganisation("a") }, concordat.CodeForbidden},
	} {
		if have := code(one.f); have != one.want {
			t.Errorf("%s: %d", name, have)
		}
	}
}

func TestCryptography(t *testing.T) {
	l := ledgertest.New("x")
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	signature := [64]byte(ed25519.Sign(key, []byte("m")))
	public := [32]byte(key[32:])
	l.Answers = map[ledgertest.Question][]byte{{Op: 4, In: "abc"}: {9, 31: 9}, {Op: 8, In: string(make([]byte, 96)) + "k"}: nil}
	err := do(l.As("a@a"), "do", func(c *concordat.Context) (string, error) {
		if !c.VerifyEd25519(public, []byte("m"), signature) || c.VerifyEd25519(public, []byte("n"), signature) {
			t.Error("Ed25519")
		}
		if a := c.SHA512([]byte("abc")); a[0] != 0xdd {
			t.Errorf("%x", a)
		}
		if a := c.Keccak256([]byte("abc")); a[31] != 9 {
			t.Error("an answer of the test is not taken")
		}
		if c.VerifySecp256k1([]byte("k"), [32]byte{}, [64]byte{}) {
			t.Error("an answer of nothing holds")
		}
		if c.DeterministicRandom() == c.DeterministicRandom() {
			t.Error("random bytes are the same twice")
		}
		if c.VerifyP256(make([]byte, 33), [32]byte{}, [64]byte{}) {
			t.Error("no key verifies")
		}
		return "", nil
	})
	if err != nil {
		t.Error(err)
	}
	trapped(t, do(l.As("a@a"), "do", times(1, func(c *concordat.Context) { c.BLAKE3(nil) })), "operation 5 is not computed by the test kit")
}
