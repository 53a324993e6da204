// Package main is a record of goods from hand to hand: producers make lots, holders
// split, merge, measure and hand them over, inspectors hold them back, and a recall
// reaches all that was made of a lot.
//
//concordat:contract supply
package main

import concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"

//concordat:errors
const (
	// There is no such lot or recall.
	errNotFound = iota + 1
	// There is a lot of that name already.
	errExists
	// Only the lot's holder may do that.
	errNotTheHolder
	// A quantity is zero, or the parts do not make the whole.
	errBadQuantity
	// A text or party is missing or too long.
	errBadText
	// The lot is quarantined or recalled.
	errBlocked
	// The lot was split or merged and is there no more.
	errGone
	// The lot is offered to somebody.
	errOffered
	// The lot is not offered to the caller.
	errNoOffer
	// The time for it is over.
	errTooLate
	// The terms are not those of the offer.
	errTermsDiffer
	// Only the lot's producer or an inspector may do that.
	errNotAllowed
	// There are too few, too many, or unlike lots.
	errBadList
	// The lot does not stand in a way that allows this.
	errBadState
	// The contract was deployed without init.
	errNotInitialised
)

// The state. Terms have an audience, the rest is for every member.
var (
	about        = concordat.Single[storedSettings, *storedSettings]{Name: "settings"}
	numbers      = concordat.Single[storedCounter, *storedCounter]{Name: "number"}
	measurements = concordat.History[storedMeasurement, *storedMeasurement]{Name: "measurement"}
	handovers    = concordat.History[storedHandover, *storedHandover]{Name: "handover"}
	agreed       = concordat.Map[storedTerms, *storedTerms]{Name: "terms"}
	recalls      = concordat.Map[storedRecall, *storedRecall]{Name: "recall"}
	pending      = concordat.Index{Name: "pending"} // lots that a recall has yet to reach
)

type (
	none              = concordat.Nothing
	storedSettings    = concordat.Stored[settings, *settings]
	storedCounter     = concordat.Stored[counter, *counter]
	storedMeasurement = concordat.Stored[measurement, *measurement]
	storedHandover    = concordat.Stored[handover, *handover]
	storedTerms       = concordat.Stored[terms, *terms]
	storedRecall      = concordat.Stored[recallOf, *recallOf]
)

const (
	textBytesMax   = 64
	reasonBytesMax = 200
	sealedBytesMax = 8 << 10
	partsMax       = 10 // lots of a split or merge
)

func main() {}

// initialise runs at deployment. It names the organisation whose inspectors inspect;
// the deployer's without it.
//
//concordat:method init
func initialise(c *concordat.Context, in *initIn) (*none, error) {
	if in.Inspectorate == "" {
		in.Inspectorate = c.Organisation
	}
	about.Put(c, storedSettings{Message: settings(*in)})
	return nil, nil
}

// create makes a lot, which its producer holds. Only a party may for which its
// organisation vouches: role=producer.
//
//concordat:method
func create(c *concordat.Context, in *createIn) (*none, error) {
	if err := c.RequireAttribute("role", "producer"); err != nil {
		return nil, err
	}
	if !isText(in.Product) || !isText(in.Unit) {
		return nil, concordat.Fail(errBadText, "name the product and the unit, in at most 64 bytes each")
	}
	return nil, add(c, &lot{ID: in.ID, Product: in.Product, Quantity: in.Quantity, Unit: in.Unit, Producer: c.Caller})
}

// add enters a new lot, which the caller holds.
func add(c *concordat.Context, one *lot) error {
	if !isText(one.ID) {
		return concordat.Fail(errBadText, "name the new lot, in at most 64 bytes")
	}
	if one.Quantity == 0 {
		return concordat.Fail(errBadQuantity, "the quantity of "+one.ID+" is zero")
	}
	if _, ok := c.Get(lotKey(one.ID)); ok {
		return concordat.Fail(errExists, "there is a lot "+one.ID+" already")
	}
	n := numbers.Get(c)
	n.Message.Last++
	numbers.Put(c, n)
	one.Number, one.Holder, one.Created = n.Message.Last, c.Caller, c.Time
	save(c, one)
	(&made{one.ID, one.Product, one.Quantity, one.Parents}).Emit(c)
	return nil
}

// split makes several lots of one. Only its holder may.
//
//concordat:method
func split(c *concordat.Context, in *splitIn) (*none, error) {
	one, err := free(c, in.ID)
	if err != nil {
		return nil, err
	}
	if len(in.Parts) < 2 || len(in.Parts) > partsMax {
		return nil, concordat.Fail(errBadList, "a lot is split into 2 to 10")
	}
	rest := one.Quantity
	for _, p := range in.Parts {
		if p.Quantity > rest {
			return nil, concordat.Fail(errBadQuantity, "the parts are more than the lot")
		}
		rest -= p.Quantity
		next := &lot{ID: p.ID, Product: one.Product, Quantity: p.Quantity, Unit: one.Unit, Producer: one.Producer, Parents: []string{one.ID}}
		if err := add(c, next); err != nil {
			return nil, err
		}
		one.Children = append(one.Children, p.ID)
	}
	if rest != 0 {
		return nil, concordat.Fail(errBadQuantity, "the parts are less than the lot")
	}
	save(c, one)
	return nil, nil
}

// merge makes one lot of several of the same product and unit. Only who holds them
// all may, and becomes the producer of the new one.
//
//concordat:method
func merge(c *concordat.Context, in *mergeIn) (*none, error) {
	if len(in.IDs) < 2 || len(in.IDs) > partsMax {
		return nil, concordat.Fail(errBadList, "2 to 10 lots are merged")
	}
	next := &lot{ID: in.ID, Producer: c.Caller, Parents: in.IDs}
	for i, id := range in.IDs {
		one, err := free(c, id) // of a lot that stands twice in the list: gone
		if err != nil {
			return nil, err
		}
		if i == 0 {
			next.Product, next.Unit = one.Product, one.Unit
		}
		if one.Product != next.Product || one.Unit != next.Unit {
			return nil, concordat.Fail(errBadList, "lots of one product and unit are merged")
		}
		sum := next.Quantity + one.Quantity
		if sum < one.Quantity {
			return nil, concordat.Fail(errBadQuantity, "the sum is more than 64 bits hold")
		}
		next.Quantity, one.Children = sum, []string{in.ID}
		save(c, one)
	}
	return nil, add(c, next)
}

// measure records what a holder measured, in whole units. Only the holder may, also
// while the lot is held back.
//
//concordat:method
func measure(c *concordat.Context, in *measureIn) (*none, error) {
	one, err := held(c, in.ID)
	if err != nil {
		return nil, err
	}
	if !isText(in.Kind) || !isText(in.Unit) {
		return nil, concordat.Fail(errBadText, "name what is measured and the unit, in at most 64 bytes each")
	}
	m := measurement{c.Time, c.Caller, in.Kind, in.Value, in.Unit}
	measurements.Append(c, storedMeasurement{Message: m}, one.ID)
	return nil, nil
}
