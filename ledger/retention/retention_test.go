package retention_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/retention"
)

// chain is the times of blocks, by height; they never decrease, and some are equal.
func chain(t *rapid.T) []ledger.Time {
	times := []ledger.Time{0}
	for range rapid.IntRange(0, 60).Draw(t, "tip") {
		times = append(times, times[len(times)-1]+ledger.Time(rapid.IntRange(0, 3).Draw(t, "step")))
	}
	return times
}

// mayGo says by going through every rule for one block whether it may be pruned.
func mayGo(p *retention.Policy, s retention.Standing, times []ledger.Time, h ledger.Height) bool {
	now := times[s.Tip]
	switch {
	case !p.Prunes(), h < s.Oldest, h >= s.Tip:
		return false
	case p.Blocks > 0 && uint64(s.Tip-h) < p.Blocks, p.Age > 0 && now-times[h] <= p.Age:
		return false
	case h+s.Behind >= s.Stable, h+s.Behind >= s.Tip, s.Needed > 0 && h >= s.Needed:
		return false
	}
	top := min(s.Stable, s.Tip)
	if s.Needed > 0 {
		top = min(top, s.Needed)
	}
	// Its successor, too, is older than anything that counts at the lowest height that is served.
	return times[h+1] < times[top]-s.ValidityMax
}

func TestWhatMayGoIsWhatNoRuleKeeps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := chain(t)
		small := func(name string, most int) ledger.Height { return ledger.Height(rapid.IntRange(0, most).Draw(t, name)) }
		tip := ledger.Height(len(times) - 1)
		p := &retention.Policy{Blocks: uint64(small("blocks", 40)), Age: ledger.Time(small("age", 40))}
		s := retention.Standing{Tip: tip, Oldest: min(1+small("oldest", 20), max(tip, 1)), Stable: small("stable", int(tip)+5), Needed: small("needed", int(tip)),
			Behind: small("behind", 10), ValidityMax: ledger.Time(small("validity", 20))}
		if rapid.Bool().Draw(t, "nobody needs anything") {
			s.Needed = 0
		}
		lookups := 0
		floor, err := retention.Floor(p, s, func(h ledger.Height) (ledger.Time, error) { lookups++; return times[h], nil })
		require.NoError(t, err)
		require.LessOrEqual(t, lookups, 2+2*6)
		want := s.Oldest
		for want < tip && mayGo(p, s, times, want) {
			want++
		}
		require.Equal(t, want, floor)
	})
}

func TestWithoutAPolicyNothingGoes(t *testing.T) {
	s := retention.Standing{Oldest: 1, Tip: 1000, Stable: 1000}
	p := &retention.Policy{Parties: []ledger.Party{"a@b"}}
	floor, err := retention.Floor(p, s, nil)
	require.NoError(t, err)
	require.Equal(t, ledger.Height(1), floor)
	require.Equal(t, "everything is kept", p.String())
	require.Equal(t, "kept: the newest 5 blocks, blocks younger than 1h0m0s; held: contracts token; held: parties a@b",
		(&retention.Policy{Blocks: 5, Age: ledger.Time(time.Hour), Contracts: []string{"token"}, Parties: []ledger.Party{"a@b"}}).String())
}

func TestALookupThatFailsKeepsEverything(t *testing.T) {
	for good := range 8 {
		left := good
		_, err := retention.Floor(&retention.Policy{Blocks: 1, Age: 1}, retention.Standing{Oldest: 1, Tip: 100, Stable: 100},
			func(h ledger.Height) (ledger.Time, error) {
				if left--; left < 0 {
					return 0, ledger.ErrMerkle
				}
				return ledger.Time(h), nil
			})
		require.ErrorIs(t, err, ledger.ErrMerkle)
	}
}

func TestHoldsByContractEventAndParty(t *testing.T) {
	p := &retention.Policy{Contracts: []string{"token"}, Parties: []ledger.Party{"alice@org0"}}
	tx := func(party ledger.Party, contract string) *ledger.Transaction {
		return &ledger.Transaction{Party: party, Contract: contract}
	}
	from := func(contracts ...string) *ledger.Result {
		r := &ledger.Result{}
		for _, c := range contracts {
			r.Events = append(r.Events, ledger.Event{Contract: c})
		}
		return r
	}
	require.True(t, p.Holds(tx("alice@org0", "note"), from()))
	require.True(t, p.Holds(tx("bob@org1", "token"), from()))
	require.True(t, p.Holds(tx("bob@org1", "market"), from("market", "token")))
	require.False(t, p.Holds(tx("bob@org1", "market"), from("market")))
}
