package main

import (
	"slices"
	"strconv"
	"strings"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

const (
	pageMax  = 50  // entries of a history in one answer
	traceMax = 10  // lots in one answer
	openMax  = 500 // lots that a trace can have open
)

// lotOf tells about a lot.
//
//concordat:query lot
func lotOf(c *concordat.Context, in *idIn) (*lot, error) { return load(c, in.ID) }

// measurementsOf tells what was measured, the oldest first.
//
//concordat:query measurements
func measurementsOf(c *concordat.Context, in *pageIn) (*measurementsOut, error) {
	out := &measurementsOut{}
	end := min(in.First, 1<<62) + pageMax
	measurements.Scan(c, in.First, end, func(_ uint64, m storedMeasurement) bool {
		out.Measurements = append(out.Measurements, m.Message)
		return true
	}, in.ID)
	if measurements.Count(c, in.ID) > end {
		out.Next = end
	}
	return out, nil
}

// handoversOf tells through which hands a lot went, the oldest first.
//
//concordat:query handovers
func handoversOf(c *concordat.Context, in *pageIn) (*handoversOut, error) {
	out := &handoversOut{}
	end := min(in.First, 1<<62) + pageMax
	handovers.Scan(c, in.First, end, func(_ uint64, h storedHandover) bool {
		out.Handovers = append(out.Handovers, h.Message)
		return true
	}, in.ID)
	if handovers.Count(c, in.ID) > end {
		out.Next = end
	}
	return out, nil
}

// trace tells of what a lot was made, back to the origins, the newest lots first. The
// rest is the list for the next page.
//
//concordat:query
func trace(c *concordat.Context, in *traceIn) (*traceOut, error) {
	if len(in.IDs) == 0 || len(in.IDs) > openMax {
		return nil, concordat.Fail(errBadList, "give 1 to 500 lots")
	}
	var open []*lot
	for _, id := range in.IDs {
		if err := openLot(c, &open, id); err != nil {
			return nil, err
		}
	}
	out := &traceOut{}
	// A lot's parents have lower numbers, so whoever takes the highest of the open lots
	// meets each lot once, and needs to remember no other than the open ones.
	for len(open) > 0 && len(out.Lots) < traceMax {
		newest := open[len(open)-1]
		open = open[:len(open)-1]
		out.Lots = append(out.Lots, *newest)
		for _, id := range newest.Parents {
			if err := openLot(c, &open, id); err != nil {
				return nil, err
			}
		}
	}
	for _, one := range open {
		out.Rest = append(out.Rest, one.ID)
	}
	return out, nil
}

// openLot adds a lot to a list in the order of numbers, once.
func openLot(c *concordat.Context, open *[]*lot, id string) error {
	if slices.ContainsFunc(*open, func(o *lot) bool { return o.ID == id }) {
		return nil
	}
	one, err := load(c, id)
	if err != nil {
		return err
	}
	at, _ := slices.BinarySearchFunc(*open, one.Number, func(o *lot, n uint64) int { return int(int64(o.Number - n)) })
	*open = slices.Insert(*open, at, one)
	return nil
}

func load(c *concordat.Context, id string) (*lot, error) {
	one := &lot{}
	if !concordat.Load(c, lotKey(id), one) {
		return nil, concordat.Fail(errNotFound, "there is no lot "+id)
	}
	return one, nil
}

func save(c *concordat.Context, one *lot) { concordat.Save(c, lotKey(one.ID), one) }

func lotKey(id string) []byte { return concordat.Key("lot", id) }

// held is a lot that is there and that the caller holds.
func held(c *concordat.Context, id string) (*lot, error) {
	one, err := load(c, id)
	if err != nil {
		return nil, err
	}
	if one.Holder != c.Caller {
		return nil, concordat.Fail(errNotTheHolder, "only "+string(one.Holder)+" holds "+id)
	}
	if len(one.Children) > 0 {
		return nil, concordat.Fail(errGone, id+" was split or merged")
	}
	return one, nil
}

func movable(one *lot) error {
	if one.Recalled != "" {
		return concordat.Fail(errBlocked, one.ID+" is recalled with "+one.Recalled)
	}
	if one.Quarantined != "" {
		return concordat.Fail(errBlocked, one.ID+" is in quarantine: "+one.Quarantined)
	}
	return nil
}

// free is a lot of which the caller may dispose. An offer that ended binds nobody.
func free(c *concordat.Context, id string) (*lot, error) {
	one, err := held(c, id)
	if err != nil {
		return nil, err
	}
	if one.OfferedTo != "" && c.Time < one.OfferUntil {
		return nil, concordat.Fail(errOffered, id+" is offered to "+string(one.OfferedTo)+"; withdraw that first")
	}
	return one, movable(one)
}

func isText(s string) bool { return s != "" && len(s) <= textBytesMax }

// isParty tells whether p can name one party. An organisation's entry of an audience
// would show a record to all of its parties.
func isParty(p concordat.Party) bool {
	return p != "" && len(p) <= textBytesMax && !strings.HasPrefix(string(p), "org:")
}

// digits is a number as a part of a key, in the order of numbers.
func digits(n uint64) string {
	text := strconv.FormatUint(n, 10)
	return "00000000000000000000"[len(text):] + text
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
