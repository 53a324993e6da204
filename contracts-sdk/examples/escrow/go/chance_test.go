package main

import (
	"maps"
	"math/rand"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

// others are a token and a register, as simple as they can be: who has how much, how
// much the escrow may take, and whose the asset is. They refuse by chance. What they are
// asked they are asked by the escrow.
type others struct {
	r       *rand.Rand
	money   map[concordat.Party]int64
	allowed int64
	asset   assetOut
}

const me = concordat.Party("contract:escrow")

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
		if o.asset.Holder != me {
			return nil, concordat.Fail(9, "not held")
		}
		o.asset.Owner, o.asset.Holder, o.asset.HeldUntil = in.To, "", 0
		return nil, nil
	case "token.transfer":
		var in transferIn
		if err := concordat.Decode(args, &in); err != nil {
			return nil, err
		}
		return nil, o.move(me, in.To, in.Amount)
	case "token.transfer_from":
		var in transferFromIn
		if err := concordat.Decode(args, &in); err != nil {
			return nil, err
		}
		if in.From != "bob@b" || o.allowed < 60 {
			return nil, concordat.Fail(3, "not allowed")
		}
		o.allowed -= 60
		return nil, o.move(in.From, in.To, in.Amount)
	}
	return nil, concordat.Fail(0, "there is no such method")
}

func (o *others) move(from, to concordat.Party, amount concordat.Amount) error {
	if amount != concordat.NewAmount(60) || o.money[from] < 60 {
		return concordat.Fail(2, "too little")
	}
	o.money[from] -= 60
	o.money[to] += 60
	return nil
}

// step makes one call by chance. What fails changes the other contracts no more than
// this one. When the custody is over, the owner may have taken the asset back.
func (o *others) step(l *ledgertest.Ledger) {
	l.Time += o.r.Int63n(30)
	money, allowed, asset := maps.Clone(o.money), o.allowed, o.asset
	by := l.As([]concordat.Party{"alice@a", "bob@b", "judge@j"}[o.r.Intn(3)])
	if o.r.Intn(6) == 0 {
		by = by.Through("thief")
	}
	if o.asset.Holder == me && l.Time >= o.asset.HeldUntil && o.r.Intn(3) == 0 {
		o.asset.Holder, asset.Holder = "", ""
	}
	var err error
	switch method := []string{"fund", "settle", "decline", "cancel", "dispute", "resolve"}[o.r.Intn(6)]; method {
	case "dispute":
		_, err = by.Call(method, &disputeIn{"d", "why"})
	case "resolve":
		_, err = by.Call(method, &resolveIn{"d", []concordat.Party{"", "alice@a", "bob@b", "judge@j"}[o.r.Intn(4)]})
	default:
		_, err = by.Call(method, &dealIn{"d"})
	}
	if err != nil {
		o.money, o.allowed, o.asset = money, allowed, asset
	}
}

// check is an error text when price and asset are not where the deal says.
func (o *others) check(d *deal) string {
	owner, bob, alice, escrow := concordat.Party("alice@a"), int64(100), int64(0), int64(0)
	switch d.State {
	case settled, awarded:
		owner, bob, alice = "bob@b", 40, 60
	case funded, disputed:
		bob, escrow = 40, 60
	}
	switch {
	case o.money["bob@b"] != bob || o.money["alice@a"] != alice || o.money[me] != escrow:
		return "the money is elsewhere"
	case o.asset.Owner != owner:
		return "the asset is another's"
	case !live(d) && d.State != cancelled && o.asset.Holder != "":
		return "the asset is still held"
	}
	return ""
}

// Whatever the three parties and a contract that they call try, and whatever the other
// contracts refuse: the price is the buyer's, the escrow's or the seller's, as the deal
// stands, and the seller has it if and only if the asset is the buyer's.
func TestNobodyLosesBoth(t *testing.T) {
	ends := map[string]int{}
	for seed := range int64(400) {
		l := ledgertest.New("escrow")
		o := &others{r: rand.New(rand.NewSource(seed)), money: map[concordat.Party]int64{"bob@b": 100}, allowed: 60,
			asset: assetOut{Title: "x", Owner: "alice@a", Holder: me, HeldUntil: l.Time + 400}}
		l.Others = o.answer
		if _, err := l.As("admin@a").Call("init", &initIn{"asset", "token"}); err != nil {
			t.Fatal(err)
		}
		in := &proposeIn{Deal: "d", Asset: "x", Buyer: "bob@b", Arbiter: "judge@j", Price: concordat.NewAmount(60), Deadline: l.Time + 250}
		if _, err := l.As("alice@a").Call("propose", in); err != nil {
			continue // the register refused
		}
		var d deal
		for range 40 {
			o.step(l)
			if err := l.As("dave@d").Query("get", &dealIn{"d"}, &d); err != nil {
				t.Fatal(err)
			}
			if wrong := o.check(&d); wrong != "" {
				t.Fatalf("seed %d: %s: deal is %s, money %v, asset %v", seed, wrong, d.State, o.money, o.asset)
			}
		}
		ends[d.State]++
	}
	for _, state := range []string{open, funded, disputed, settled, declined, cancelled, returned, awarded} {
		if ends[state] == 0 {
			t.Errorf("no deal ended as %s, so this shows too little: %v", state, ends)
		}
	}
}
