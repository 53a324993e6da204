package main

import (
	"maps"
	"math/rand"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

// others are a token and a register, as simple as they can be: who has how much, and
// whose the asset is. They refuse by chance.
type others struct {
	r      *rand.Rand
	money  map[concordat.Party]int64
	asset  assetOut
	signer concordat.Party
}

func (o *others) answer(contract, method string, args []byte) ([]byte, error) {
	if o.r.Intn(4) == 0 {
		return nil, concordat.Fail(5, "not today")
	}
	switch contract + "." + method {
	case "asset.get":
		return concordat.Encode(&o.asset), nil
	case "asset.release":
		var in releaseIn
		if err := concordat.Decode(args, &in); err != nil {
			return nil, err
		}
		if o.asset.Holder == "" {
			return nil, concordat.Fail(9, "not held")
		}
		o.asset.Owner, o.asset.Holder, o.asset.HeldUntil = in.To, "", 0
		return nil, nil
	case "token.transfer":
		var in transferIn
		if err := concordat.Decode(args, &in); err != nil {
			return nil, err
		}
		if in.Amount != concordat.NewAmount(60) || o.money[o.signer] < 60 {
			return nil, concordat.Fail(2, "too little")
		}
		o.money[o.signer] -= 60
		o.money[in.To] += 60
		return nil, nil
	}
	return nil, concordat.Fail(0, "there is no such method")
}

// step makes one call by chance. What fails changes the other contracts no more than
// this one.
func (o *others) step(l *ledgertest.Ledger) {
	l.Time += o.r.Int63n(30)
	o.signer = []concordat.Party{"alice@a", "bob@b", "judge@j"}[o.r.Intn(3)]
	money, asset := maps.Clone(o.money), o.asset
	by := l.As(o.signer)
	var err error
	switch method := []string{"settle", "decline", "cancel", "dispute", "resolve"}[o.r.Intn(5)]; method {
	case "dispute":
		_, err = by.Call(method, &disputeIn{"d", "why"})
	case "resolve":
		_, err = by.Call(method, &resolveIn{"d", []concordat.Party{"", "alice@a", "bob@b", "judge@j"}[o.r.Intn(4)]})
	default:
		_, err = by.Call(method, &dealIn{"d"})
	}
	if err != nil {
		o.money, o.asset = money, asset
	}
}

// Whatever the three parties try, and whatever the other contracts refuse, no money
// appears or vanishes; the price is paid if and only if the deal is settled; and the
// asset is out of custody if and only if the deal has ended.
func TestNobodyLosesBoth(t *testing.T) {
	ends := map[string]int{}
	for seed := range int64(300) {
		l := ledgertest.New("escrow")
		o := &others{r: rand.New(rand.NewSource(seed)), money: map[concordat.Party]int64{"bob@b": 100},
			asset: assetOut{Title: "x", Owner: "alice@a", Holder: "escrow", HeldUntil: l.Time + 400}}
		l.Others = o.answer
		if _, err := l.As("admin@a").Call("init", &initIn{"asset", "token"}); err != nil {
			t.Fatal(err)
		}
		in := &proposeIn{Deal: "d", Asset: "x", Buyer: "bob@b", Arbiter: "judge@j", Price: concordat.NewAmount(60), Deadline: l.Time + 200}
		if _, err := l.As("alice@a").Call("propose", in); err != nil {
			continue // the register refused
		}
		var d deal
		for range 30 {
			o.step(l)
			if err := l.As("dave@d").Query("get", &dealIn{"d"}, &d); err != nil {
				t.Fatal(err)
			}
			owner := concordat.Party("alice@a")
			if d.State == settled || d.State == awarded {
				owner = "bob@b"
			}
			paid := int64(0)
			if d.State == settled {
				paid = 60
			}
			ended := d.State != open && d.State != disputed
			if o.money["bob@b"] != 100-paid || o.money["alice@a"] != paid || o.asset.Owner != owner || (o.asset.Holder == "") != ended {
				t.Fatalf("seed %d: deal is %s, money %v, asset %v", seed, d.State, o.money, o.asset)
			}
		}
		ends[d.State]++
	}
	for _, state := range []string{open, disputed, settled, declined, cancelled, returned, awarded} {
		if ends[state] == 0 {
			t.Errorf("no deal ended as %s, so this shows too little: %v", state, ends)
		}
	}
}
