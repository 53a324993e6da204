// Package main is a token: its minter makes units, parties hold and transfer them,
// and allow others to spend some of theirs.
//
//concordat:contract token
package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

//concordat:errors
const (
	// Only the minter makes units.
	errNotTheMinter = iota + 1
	// The party holds less than the amount.
	errInsufficientBalance
	// The owner allowed the caller less than the amount.
	errInsufficientAllowance
	// The amount is zero, or a sum would exceed 128 bits.
	errBadAmount
	// The contract was deployed without init.
	errNotInitialised
	// A party is missing, or the same on both sides.
	errBadParty
)

// The state: balances by holder, allowances by owner and spender, and one record
// about the token.
var (
	balances   = concordat.Map[concordat.Amount, *concordat.Amount]{Name: "balance"}
	allowances = concordat.Map[concordat.Amount, *concordat.Amount]{Name: "allowance"}
	tokenKey   = concordat.Key("token")
)

func main() {}

type none = concordat.Nothing

func load(c *concordat.Context) (*token, error) {
	var t token
	if !concordat.Load(c, tokenKey, &t) {
		return nil, concordat.Fail(errNotInitialised, "the token is not initialised; deploy it with init")
	}
	return &t, nil
}

// initialise runs at deployment. The deployer becomes the minter, unless another is
// named.
//
//concordat:method init
func initialise(c *concordat.Context, in *initIn) (*none, error) {
	if in.Minter == "" {
		in.Minter = c.Caller
	}
	concordat.Save(c, tokenKey, &token{Symbol: in.Symbol, Minter: in.Minter})
	return nil, nil
}

// mint makes units for a party. Only the minter may.
//
//concordat:method
func mint(c *concordat.Context, in *mintIn) (*none, error) {
	t, err := load(c)
	if err != nil {
		return nil, err
	}
	if c.Caller != t.Minter {
		return nil, concordat.Fail(errNotTheMinter, "only "+string(t.Minter)+" makes units")
	}
	if in.To == "" {
		return nil, concordat.Fail(errBadParty, "name the party that gets the units")
	}
	supply, ok := t.Supply.Add(in.Amount)
	if !ok || in.Amount.IsZero() {
		return nil, concordat.Fail(errBadAmount, "the amount is zero, or the supply would exceed 128 bits")
	}
	t.Supply = supply
	concordat.Save(c, tokenKey, t)
	credit(c, in.To, in.Amount)
	(&transferEvent{To: in.To, Amount: in.Amount}).Emit(c)
	return nil, nil
}

// credit adds to a balance. A balance is never more than the supply, so the sum
// fits.
func credit(c *concordat.Context, to concordat.Party, amount concordat.Amount) {
	sum, ok := balances.Get(c, string(to)).Add(amount)
	if !ok {
		panic("a balance exceeds the supply")
	}
	balances.Put(c, sum, string(to))
}

// move takes units from one party and gives them to another.
func move(c *concordat.Context, from, to concordat.Party, amount concordat.Amount, memo []byte) error {
	if to == "" || from == to {
		return concordat.Fail(errBadParty, "name another party than the one that pays")
	}
	if amount.IsZero() {
		return concordat.Fail(errBadAmount, "the amount is zero")
	}
	has := balances.Get(c, string(from))
	rest, ok := has.Sub(amount)
	if !ok {
		return concordat.Fail(errInsufficientBalance, string(from)+" holds "+has.String()+", less than "+amount.String())
	}
	balances.Put(c, rest, string(from))
	credit(c, to, amount)
	(&transferEvent{From: from, To: to, Amount: amount, Memo: memo}).Emit(c)
	return nil
}

// transfer moves units of the caller to another party.
//
//concordat:method
func transfer(c *concordat.Context, in *transferIn) (*none, error) {
	return nil, move(c, c.Caller, in.To, in.Amount, in.Memo)
}

// approve allows a party to spend up to an amount of the caller's units; replaces an
// earlier allowance.
//
//concordat:method
func approve(c *concordat.Context, in *approveIn) (*none, error) {
	if in.Spender == "" || in.Spender == c.Caller {
		return nil, concordat.Fail(errBadParty, "name another party than yourself")
	}
	allowances.Put(c, in.Amount, string(c.Caller), string(in.Spender))
	(&approvalEvent{Owner: c.Caller, Spender: in.Spender, Amount: in.Amount}).Emit(c)
	return nil, nil
}

// transferFrom moves units of a party that allowed the caller to.
//
//concordat:method
func transferFrom(c *concordat.Context, in *transferFromIn) (*none, error) {
	allowed := allowances.Get(c, string(in.From), string(c.Caller))
	rest, ok := allowed.Sub(in.Amount)
	if !ok {
		return nil, concordat.Fail(errInsufficientAllowance,
			string(in.From)+" allows "+string(c.Caller)+" "+allowed.String()+", less than "+in.Amount.String())
	}
	allowances.Put(c, rest, string(in.From), string(c.Caller))
	return nil, move(c, in.From, in.To, in.Amount, nil)
}

// balanceOf tells how much a party holds.
//
//concordat:query
func balanceOf(c *concordat.Context, in *balanceIn) (*amountOut, error) {
	return &amountOut{balances.Get(c, string(in.Party))}, nil
}

// allowanceOf tells how much a party may spend of what another holds.
//
//concordat:query allowance
func allowanceOf(c *concordat.Context, in *allowanceIn) (*amountOut, error) {
	return &amountOut{allowances.Get(c, string(in.Owner), string(in.Spender))}, nil
}

// totalSupply tells how many units there are.
//
//concordat:query
func totalSupply(c *concordat.Context, _ *none) (*amountOut, error) {
	t, err := load(c)
	if err != nil {
		return nil, err
	}
	return &amountOut{t.Supply}, nil
}

// info tells about the token.
//
//concordat:query
func info(c *concordat.Context, _ *none) (*infoOut, error) {
	t, err := load(c)
	if err != nil {
		return nil, err
	}
	out := &infoOut{Symbol: t.Symbol, Minter: t.Minter, Supply: t.Supply}
	first := concordat.Key(balances.Name)
	c.Scan(first, append(first, 0xff), func(_, _ []byte) bool {
		out.Holders++
		return true
	})
	return out, nil
}
