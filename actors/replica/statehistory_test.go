package replica

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// past reads a whole history with proofs, in as many requests as it takes.
func (s *shelf) past(as ledger.Party, req *ledgerpb.StateRequest) (all []*ledgerpb.StateEntry, requests int) {
	for req = proto.Clone(req).(*ledgerpb.StateRequest); ; requests++ {
		got, err := s.ask(as, req)
		require.NoError(s.t, err)
		all = append(all, got.GetEntries()...)
		if len(got.GetNext()) == 0 {
			return all, requests + 1
		}
		req.Height = all[len(all)-1].GetHeight() - 1
	}
}

// told are versions as "height value", or "height -" where one went.
func told(entries []*ledgerpb.StateEntry) (out []string) {
	for _, e := range entries {
		if e.GetDeleted() {
			out = append(out, fmt.Sprint(e.GetHeight(), " -"))
		} else {
			out = append(out, fmt.Sprint(e.GetHeight(), " ", string(e.GetValue())))
		}
	}
	return out
}

// versions writes a key in each odd block, and removes it in some.
func (s *shelf) versions(count int, removed ...int) (want []string) {
	for i := range count {
		gone := slices.Contains(removed, i)
		h := s.block(write{key: "k", value: fmt.Sprint("v", i), remove: gone}, write{key: fmt.Sprint("other", i), value: "x"})
		if gone {
			want = append(want, fmt.Sprint(h, " -"))
		} else {
			want = append(want, fmt.Sprint(h, " v", i))
		}
		s.block(write{key: "else", value: fmt.Sprint(i)})
	}
	slices.Reverse(want)
	return want
}

func TestAHistoryIsProvenVersionByVersion(t *testing.T) {
	s := newShelf(t)
	s.block(write{key: "first", value: "x"})
	want := s.versions(13, 5, 12)
	req := &ledgerpb.StateRequest{Key: []byte("k"), History: true}
	for tip := uint64(27); tip >= 24; tip-- { // one block, or more, behind the last removal, or before
		req.Height = tip
		all, requests := s.past("", req)
		if tip < 26 {
			require.Equal(t, want[1:], told(all))
		} else {
			require.Equal(t, want, told(all))
		}
		require.Equal(t, 2, requests)
	}
	for limit := uint32(1); limit < 5; limit++ {
		req.Limit = limit
		all, _ := s.past("", req)
		require.Equal(t, want[1:], told(all))
	}
}

// Proofs may need trees that take long to make; other readers wait meanwhile.
func TestAHistoryStopsWhenItsTimeIsUp(t *testing.T) {
	s := newShelf(t)
	want := s.versions(6)
	s.lookups.clock = func() time.Time { s.now = s.now.Add(provenTime/2 + 1); return s.now }
	got, err := s.ask("", &ledgerpb.StateRequest{Key: []byte("k"), History: true})
	require.NoError(t, err)
	require.Equal(t, want[:2], told(got.GetEntries()))
	require.NotEmpty(t, got.GetNext())
	all, requests := s.past("", &ledgerpb.StateRequest{Key: []byte("k"), History: true})
	require.Equal(t, want, told(all))
	require.Equal(t, 3, requests)
}

// What a replica could say instead of a history, and what it could leave out of it.
func TestAForgedHistoryIsRefused(t *testing.T) {
	s := newShelf(t)
	s.block(write{key: "first", value: "x"})
	s.versions(6, 2)
	req := &ledgerpb.StateRequest{Key: []byte("k"), History: true, Height: 13}
	good, err := s.ask("", req)
	require.NoError(t, err)
	require.Equal(t, []string{"12 v5", "10 v4", "8 v3", "6 -", "4 v1", "2 v0"}, told(good.GetEntries()))
	absent := func(h uint64) []byte { // of a key that was never there
		got, err := s.ask("", &ledgerpb.StateRequest{Key: []byte("none"), Height: h})
		require.NoError(t, err)
		return got.GetProof()
	}
	before := func(h uint64) []byte { // of the key, when it was not there
		got, err := s.ask("", &ledgerpb.StateRequest{Key: []byte("k"), Height: h})
		require.NoError(t, err)
		return got.GetProof()
	}
	forgeries := map[string]func(*ledgerpb.StateReply){
		"nothing":                         func(r *ledgerpb.StateReply) { proto.Reset(r) },
		"nothing, of the block":           func(r *ledgerpb.StateReply) { *r = ledgerpb.StateReply{Height: 13} },
		"nothing, before there was a key": func(r *ledgerpb.StateReply) { *r = ledgerpb.StateReply{Height: 13, Proof: before(1)} },
		"nothing, of another key":         func(r *ledgerpb.StateReply) { *r = ledgerpb.StateReply{Height: 13, Proof: absent(13)} },
		"nothing, and it goes on":         func(r *ledgerpb.StateReply) { r.Entries = nil; r.Next = []byte("k") },
		"of another block":                func(r *ledgerpb.StateReply) { *r = ledgerpb.StateReply{Height: 1, Proof: before(1)} },
		"it goes on with another key":     func(r *ledgerpb.StateReply) { r.Next = []byte("l") },
		"without its end":                 func(r *ledgerpb.StateReply) { r.Proof = nil },
		"the end of another key":          func(r *ledgerpb.StateReply) { r.Proof = absent(1) },
		"a removal that was not": func(r *ledgerpb.StateReply) {
			r.Entries = append([]*ledgerpb.StateEntry{{Height: 11, Deleted: true, Proof: before(1), Gone: before(1)}}, r.Entries[1:]...)
		},
		"a removal of another key": func(r *ledgerpb.StateReply) {
			r.Entries = append([]*ledgerpb.StateEntry{{Height: 11, Deleted: true, Proof: absent(13), Gone: absent(11)}}, r.Entries[1:]...)
		},
		"a removal without its proof":      func(r *ledgerpb.StateReply) { r.Entries[3].Proof = nil },
		"a removal without its first":      func(r *ledgerpb.StateReply) { r.Entries[3].Gone = nil },
		"a removal of an earlier block":    func(r *ledgerpb.StateReply) { r.Entries[3].Height = 5; r.Entries[3].Gone = before(7) },
		"a removal of a block with a key":  func(r *ledgerpb.StateReply) { r.Entries[3].Height = 5; r.Entries[3].Gone = before(5) },
		"a removal twice":                  func(r *ledgerpb.StateReply) { r.Entries = slices.Insert(r.Entries, 3, r.Entries[3]) },
		"a removal and nothing before it":  func(r *ledgerpb.StateReply) { r.Entries = r.Entries[:4] },
		"a removal, and then it goes on":   func(r *ledgerpb.StateReply) { r.Entries, r.Next = r.Entries[:4], []byte("k") },
		"a tail that begins with a gap":    func(r *ledgerpb.StateReply) { r.Entries = r.Entries[:3]; r.Proof = before(1) },
		"a tail cut off":                   func(r *ledgerpb.StateReply) { r.Entries = r.Entries[:5] },
		"a tail cut off, with another end": func(r *ledgerpb.StateReply) { r.Entries = r.Entries[:2]; r.Proof = before(9) },
	}
	for i := range good.GetEntries() {
		forgeries[fmt.Sprint("without ", i)] = func(r *ledgerpb.StateReply) { r.Entries = slices.Delete(r.Entries, i, i+1) }
	}
	for name, forge := range forgeries {
		bad := proto.Clone(good).(*ledgerpb.StateReply)
		forge(bad)
		require.Error(t, s.client.CheckState(req, bad, false), name)
	}
	require.NoError(t, s.client.CheckState(req, proto.Clone(good).(*ledgerpb.StateReply), false))

	// A gap ends what is proven, as the documentation says: before it there may have been more.
	upToGap := proto.Clone(good).(*ledgerpb.StateReply)
	upToGap.Entries, upToGap.Proof = upToGap.Entries[:3], before(7)
	require.NoError(t, s.client.CheckState(req, upToGap, false))

	other := proto.Clone(req).(*ledgerpb.StateRequest)
	other.Height = 12
	require.ErrorIs(t, s.client.CheckState(other, good, false), client.ErrAnswer)
}

// To whoever may not see a version the key was removed by it, and nothing tells whether
// there was anything, nor how much.
func TestAHistoryTellsNothingOfVersionsThatAreNotForItsReader(t *testing.T) {
	s := newShelf(t)
	own := ledger.NewAudience("alice@a")
	s.block(s.party("alice@a", "a", nil), write{key: "theirs", value: "x", audience: own})
	for i := range 30 {
		s.block(write{key: "secret", value: fmt.Sprint(i), audience: own}, write{key: "removed", value: "x", audience: own, remove: i%2 == 1})
	}
	s.block(write{key: "k", value: "open"}, write{key: "k2", value: "open"})              // 32
	s.block(write{key: "k", value: "closed", audience: own}, write{key: "z", value: "z"}) // 33
	s.block(write{key: "k", value: "closed again", audience: own})                        // 34
	s.block(write{key: "k", remove: true}, write{key: "k2", remove: true})                // 35
	s.block(write{key: "k", value: "open again"})                                         // 36
	for _, prove := range []bool{false, true} {
		for _, limit := range []uint32{0, 1, 5, 30} {
			for _, key := range []string{"secret", "removed", "never"} {
				got, err := s.askAny("", &ledgerpb.StateRequest{Key: []byte(key), History: true, Limit: limit, Prove: prove})
				require.NoError(t, err)
				require.Empty(t, got.GetEntries())
				require.Empty(t, got.GetNext(), "%s with limit %d", key, limit)
				require.Equal(t, prove, len(got.GetProof()) > 0)
			}
		}
		got, err := s.askAny("", &ledgerpb.StateRequest{Key: []byte("k"), History: true, Prove: prove})
		require.NoError(t, err)
		require.Equal(t, []string{"36 open again", "33 -", "32 open"}, told(got.GetEntries()))
		got, err = s.askAny("", &ledgerpb.StateRequest{Key: []byte("k"), History: true, Prove: prove, Height: 34})
		require.NoError(t, err)
		require.Equal(t, []string{"33 -", "32 open"}, told(got.GetEntries()))
		got, err = s.askAny("", &ledgerpb.StateRequest{Key: []byte("k2"), History: true, Prove: prove})
		require.NoError(t, err)
		require.Equal(t, []string{"35 -", "32 open"}, told(got.GetEntries()))
		require.Empty(t, got.GetNext())
	}
	mine, err := s.ask("alice@a", &ledgerpb.StateRequest{Key: []byte("k"), History: true, Audience: []string{"alice@a"}})
	require.NoError(t, err)
	require.Equal(t, []string{"36 open again", "35 -", "34 closed again", "33 closed", "32 open"}, told(mine.GetEntries()))
	require.Empty(t, mine.GetNext())
	all, _ := s.past("alice@a", &ledgerpb.StateRequest{Key: []byte("secret"), History: true, Audience: []string{"alice@a"}})
	require.Len(t, all, 30)
	require.Equal(t, []string{"alice@a"}, all[0].GetAudience())
}

// Whoever sees more than what is for every member must say what an absence is to be of.
func TestASignedHistoryNamesAnAudienceForWhatIsAbsent(t *testing.T) {
	s := newShelf(t)
	others := []write{s.party("alice@a", "a", nil)}
	for _, p := range []ledger.Party{"b@b", "c@c", "d@d", "e@e", "f@f"} {
		others = append(others, write{key: string(p), value: "x", audience: ledger.NewAudience(p)})
	}
	s.block(others...)
	s.block(write{key: "k", value: "1", audience: ledger.NewAudience("alice@a")})
	s.block(write{key: "k", value: "2", audience: ledger.NewAudience("alice@a")})
	_, err := s.ask("alice@a", &ledgerpb.StateRequest{Key: []byte("k"), History: true})
	require.ErrorIs(t, err, client.ErrAnswer)
	require.ErrorContains(t, err, "name the audience")
	got, err := s.ask("alice@a", &ledgerpb.StateRequest{Key: []byte("k"), History: true, Audience: []string{"alice@a"}})
	require.NoError(t, err)
	require.Equal(t, []string{"3 2", "2 1"}, told(got.GetEntries()))
	// Before, nobody had a record for alice alone, and that cannot be proven without showing others.
	require.NotEmpty(t, got.GetNext())
	_, err = s.ask("alice@a", &ledgerpb.StateRequest{Key: []byte("k"), History: true, Audience: []string{"alice@a"}, Height: 1})
	require.ErrorContains(t, err, "no record of this audience")
}

// Where the past is pruned the history is not said to be over.
func TestAHistoryGoesOnWhereThePastIsPruned(t *testing.T) {
	s := newShelf(t)
	want := s.versions(10)
	require.NoError(t, s.lookups.Prune(14))
	for _, prove := range []bool{true, false} {
		got, err := s.askAny("", &ledgerpb.StateRequest{Key: []byte("k"), History: true, Prove: prove})
		require.NoError(t, err)
		require.Equal(t, want[:4], told(got.GetEntries()))
		require.NotEmpty(t, got.GetNext())
		_, err = s.askAny("", &ledgerpb.StateRequest{Key: []byte("k"), History: true, Prove: prove, Height: 12})
		require.ErrorContains(t, err, "pruned on this replica")
	}
}

// What is not for the reader is passed over, but not without end: then it looks as if
// there had been nothing.
func TestAHistoryPassesOverSoMuchOnly(t *testing.T) {
	s := newShelf(t)
	s.keep = true
	large := strings.Repeat("v", 60_000)
	s.block(write{key: "k", value: "open"}, write{key: "first", value: "open"})
	for tip := ledger.Height(1); int(tip-1)*len(large) < passedBytesMax; {
		tip = s.block(write{key: "k", value: large, audience: ledger.NewAudience("alice@a")})
		if tip == 40 { // in several batches
			got, err := s.askAny("", &ledgerpb.StateRequest{Key: []byte("k"), History: true})
			require.NoError(t, err)
			require.Equal(t, []string{"2 -", "1 open"}, told(got.GetEntries()))
		}
	}
	s.block(write{key: "k", value: "open"})
	s.block(write{key: "k", remove: true})
	for _, prove := range []bool{false, true} {
		got, err := s.askAny("", &ledgerpb.StateRequest{Key: []byte("k"), History: true, Prove: prove})
		require.NoError(t, err)
		require.Equal(t, []string{"283 -", "282 open"}, told(got.GetEntries()))
		require.Empty(t, got.GetNext())
		got, err = s.askAny("", &ledgerpb.StateRequest{Key: []byte("k"), History: true, Prove: prove, Height: 281})
		require.NoError(t, err)
		require.Empty(t, got.GetEntries())
		require.Empty(t, got.GetNext())
	}
}
