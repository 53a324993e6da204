package model

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// A replay that accepts everything would show nothing. Each of these changes one thing
// in a trace, at the last step that has such a thing; the replay must refuse it.
var lies = map[string]func(*state) bool{
	"the new view chooses another value": func(s *state) bool {
		s.Last.Choice.Value = 3 - s.Last.Choice.Value
		return s.Last.Act == "newview" && s.Last.Choice.Kind == "adopted" && s.Last.Choice.Value < values
	},
	"the new view chooses null": func(s *state) bool {
		hit := s.Last.Act == "newview" && s.Last.Choice.Kind == "adopted"
		s.Last.Choice.Kind = "null"
		return hit
	},
	"the new view leaves the slot free": func(s *state) bool {
		hit := s.Last.Act == "newview" && s.Last.Choice.Kind == "null"
		s.Last.Choice.Kind = "free"
		return hit
	},
	"a member of the set accepted in another view": func(s *state) bool {
		for who, e := range s.Last.Set {
			if e.Accepted.View >= 0 && s.Last.Act == "newview" && !slices.Contains(s.Faulty, who) {
				e.Accepted.View++
				s.Last.Set[who] = e
				return true
			}
		}
		return false
	},
	"a replica is in a later view": changed(func(r *replica) bool { r.View++; return true }),
	"a replica is active":          changed(func(r *replica) bool { r.Active = !r.Active; return r.Active }),
	"a replica accepted nothing": changed(func(r *replica) bool {
		hit := r.Accepted != none
		r.Accepted = none
		return hit && r.Committed.View < 0
	}),
	"a replica holds no certificate": changed(func(r *replica) bool {
		hit := r.Prepared != none
		r.Prepared = none
		return hit && r.Committed.View < 0
	}),
	"a replica did not commit": changed(func(r *replica) bool {
		hit := r.Committed.View >= 0
		r.Committed = commit{View: -1}
		return hit
	}),
	"a commit came by the other path": changed(func(r *replica) bool { r.Committed.Fast = !r.Committed.Fast; return r.Committed.View >= 0 }),
	"a vote was not cast":             func(s *state) bool { return drop(&s.Votes) },
	"a commit vote was not cast":      func(s *state) bool { return drop(&s.CommitVotes) },
	"a message was not sent":          func(s *state) bool { return drop(&s.Testimonies) },
	"a message says less": func(s *state) bool {
		for i := range s.Testimonies {
			if e := &s.Testimonies[i].Shows; !e.empty() {
				e.Committed, e.Prepared, e.Accepted = commit{View: -1}, none, none
				return true
			}
		}
		return false
	},
	"a step reaches a liar": func(s *state) bool {
		s.Last.Who = append(s.Last.Who, s.Faulty...)
		return s.Last.Act == "leave"
	},
}

func changed(change func(*replica) bool) func(*state) bool {
	return func(s *state) bool {
		for _, id := range slices.Sorted(maps.Keys(s.Replicas)) {
			r := s.Replicas[id]
			if change(&r) {
				s.Replicas[id] = r
				return true
			}
		}
		return false
	}
}

func drop[T any](list *[]T) bool {
	if len(*list) == 0 {
		return false
	}
	*list = (*list)[1:]
	return true
}

// Each lie is told in the first few traces that have room for it.
func TestALieInATraceIsFound(t *testing.T) {
	const enough = 5
	told := map[string]int{}
	left := len(lies) * enough
	for _, file := range committed(t) {
		if left == 0 {
			break
		}
		played, err := readTrace(file)
		require.NoError(t, err)
		for name, lie := range lies {
			if told[name] >= enough {
				continue
			}
			if spoilt := spoil(t, played, lie); spoilt != nil {
				told[name]++
				left--
				_, err := replay(spoilt)
				require.Error(t, err, "%s: %s", file, name)
			}
		}
	}
	for name := range lies {
		require.Equal(t, enough, told[name], name)
	}
}

// spoil is a copy of a trace with the last state changed that the lie fits; nil: there
// is none.
func spoil(t *testing.T, played trace, lie func(*state) bool) trace {
	for i := len(played) - 1; i > 0; i-- {
		flat, err := json.Marshal(played[i])
		require.NoError(t, err)
		var s state
		require.NoError(t, json.Unmarshal(flat, &s))
		if lie(&s) {
			out := slices.Clone(played)
			out[i] = s
			return out
		}
	}
	return nil
}

// A certificate that the model claims is only made when enough real shares left.
func TestACertificateNeedsTheSharesOfRealMachines(t *testing.T) {
	c, err := newCluster(quorum.Config{F: 1, C: 1}, state{Faulty: []int{0}})
	require.NoError(t, err)
	for _, who := range []int{1, 2, 3} { // with the liar four: a slow quorum, and no fast one
		require.NoError(t, c.accept(c.nodes[who], step{View: 0, Value: 1, Fast: true}))
	}
	_, err = c.certify(certificate.Prepare, slotOf(0, 1))
	require.NoError(t, err)
	_, err = c.certify(certificate.Fast, slotOf(0, 1))
	require.ErrorContains(t, err, "only 4 of 5 signed")
	_, err = c.certify(certificate.Prepare, slotOf(0, 2))
	require.ErrorContains(t, err, "only 1 of 4 signed")
}

// A trace of the model with >= in place of > is not one of the machine: the replay
// notices at the new view, where the rule makes something else of the set.
func TestATraceOfABrokenRuleIsRefused(t *testing.T) {
	for _, file := range []string{"testdata/broken/notLater4.itf.json.gz", "testdata/broken/notLater6.itf.json.gz"} {
		played, err := readTrace(file)
		require.NoError(t, err)
		_, err = replay(played)
		require.ErrorContains(t, err, "the rule makes", file)
	}
}
