package main

import (
	"strconv"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

// lookup tells which of a party's keys were valid at a moment, by all that is known
// now: a key that was revoked since an earlier moment is not among them.
//
//concordat:query
func lookup(c *concordat.Context, in *lookupIn) (*lookupOut, error) {
	if in.At == 0 {
		in.At = c.Time
	}
	out := &lookupOut{}
	looked := 0
	visit := func(_ []string, one storedEntry) bool {
		e := one.Message
		if looked++; looked > pageMax {
			out.Next = e.Number
			return false
		}
		if e.From <= in.At && in.At < e.Until {
			out.Keys = append(out.Keys, e)
		}
		return true
	}
	before := []string{string(in.Owner), in.Purpose, digits(max(in.First, 1) - 1)}
	entries.ScanAfter(c, before, visit, string(in.Owner), in.Purpose)
	return out, nil
}

// find tells whose key this is.
//
//concordat:query
func find(c *concordat.Context, in *findIn) (*findOut, error) {
	at, ok := places.Find(c, fingerprint(c, in.Key))
	if !ok {
		return nil, concordat.Fail(errNotFound, "nobody published this key")
	}
	p := at.Message
	one, err := load(c, p.Owner, p.Purpose, p.Number)
	if err != nil {
		return nil, err
	}
	return &findOut{p.Owner, p.Purpose, *one, one.From <= c.Time && c.Time < one.Until}, nil
}

// history tells what was done to a party's keys, the oldest first.
//
//concordat:query
func history(c *concordat.Context, in *historyIn) (*historyOut, error) {
	out := &historyOut{}
	end := min(in.First, 1<<62) + pageMax
	changes.Scan(c, in.First, end, func(_ uint64, one storedChange) bool {
		out.Changes = append(out.Changes, one.Message)
		return true
	}, string(in.Owner))
	if changes.Count(c, string(in.Owner)) > end {
		out.Next = end
	}
	return out, nil
}

// digits is a number as a part of a key, in the order of numbers.
func digits(n uint64) string {
	text := strconv.FormatUint(n, 10)
	return "00000000000000000000"[len(text):] + text
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
