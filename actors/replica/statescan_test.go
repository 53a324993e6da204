package replica

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/reads"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// Whatever is restricted: what others are told is what they would be told without it.
func TestAScanIsAnsweredAsIfRestrictedRecordsWereNotThere(t *testing.T) {
	rnd := rand.New(rand.NewSource(4))
	for range 20 {
		with, without := newShelf(t), newShelf(t)
		var all, open []write
		for i := range 30 {
			w := write{key: fmt.Sprintf("c/pay/%02d", i), value: "v"}
			if rnd.Intn(3) == 0 {
				open = append(open, w)
			} else {
				w.audience = ledger.NewAudience("alice@a")
			}
			all = append(all, w)
		}
		with.block(all...)
		without.block(open...)
		for limit := uint32(1); limit <= uint32(len(open))+1; limit++ {
			for range 10 {
				from := rnd.Intn(30)
				req := &ledgerpb.StateRequest{Limit: limit, From: fmt.Appendf(nil, "c/pay/%02d", from), To: fmt.Appendf(nil, "c/pay/%02d", from+1+rnd.Intn(30-from))}
				var shown []string
				for more := true; more; {
					got, err := with.askAny("", req)
					require.NoError(t, err)
					want, err := without.askAny("", req)
					require.NoError(t, err)
					require.True(t, proto.Equal(want, got), "%v: %v, and without restricted records %v", req, got, want)
					shown = append(shown, keysOf(got)...)
					req.From, more = got.GetNext(), len(got.GetNext()) > 0
					require.Equal(t, more, len(got.GetNext()) > 0 && string(got.GetNext()) == shown[len(shown)-1]+"\x00")
				}
				require.True(t, slices.IsSorted(shown))
			}
		}
	}
}

// A reader of little has no more work done than a reader of much.
func TestAScanPassesOverSoMuchOnly(t *testing.T) {
	for name, c := range map[string]struct {
		count int
		value string
	}{"records": {passedMax, "v"}, "bytes": {passedBytesMax / 60_000 * 2, strings.Repeat("v", 60_000)}} {
		s := newShelf(t)
		writes := []write{s.party("alice@a", "a", nil), {key: "a", value: "open"}, {key: "z", value: "open"}}
		for i := range c.count {
			w := write{key: fmt.Sprintf("m%06d", i), value: c.value, audience: ledger.NewAudience("alice@a")}
			if writes = append(writes, w); len(writes) == 2000 {
				s.block(writes...)
				writes = nil
			}
		}
		s.block(writes...)
		got, err := s.askAny("", &ledgerpb.StateRequest{From: []byte("a")})
		require.NoError(t, err, name)
		require.Equal(t, []string{"a"}, keysOf(got))
		require.Equal(t, "a\x00", string(got.GetNext()))
		_, err = s.askAny("", &ledgerpb.StateRequest{From: got.GetNext()})
		var refused *reads.RefusedError
		require.ErrorAs(t, err, &refused, name)
		require.ErrorContains(t, err, "ask for a smaller range")
		got, err = s.askAny("", &ledgerpb.StateRequest{From: []byte("n")})
		require.NoError(t, err)
		require.Equal(t, []string{"z"}, keysOf(got)[len(keysOf(got))-1:])
		got, err = s.ask("", &ledgerpb.StateRequest{From: []byte("a")}) // with a proof none is passed over
		require.NoError(t, err)
		require.Contains(t, keysOf(got), "z")
		got, err = s.askAny("alice@a", &ledgerpb.StateRequest{From: []byte("m"), Limit: 5})
		require.NoError(t, err)
		require.Len(t, got.GetEntries(), 5)
	}
}

// The longest key has one behind it, too.
func TestAScanGoesOnBehindTheLongestKey(t *testing.T) {
	s := newShelf(t)
	long := strings.Repeat("k", state.KeyBytesMax)
	s.block(write{key: long, value: "1"}, write{key: "l", value: "2"})
	for _, prove := range []bool{false, true} {
		got, err := s.askAny("", &ledgerpb.StateRequest{Limit: 1, Prove: prove})
		require.NoError(t, err)
		require.Equal(t, []string{long}, keysOf(got))
		got, err = s.askAny("", &ledgerpb.StateRequest{Limit: 1, Prove: prove, From: state.Next([]byte(long))})
		require.NoError(t, err)
		require.Equal(t, []string{"l"}, keysOf(got))
	}
}

// Whoever follows Next comes to an end.
func TestAnAnswerThatGoesOnElsewhereIsRefused(t *testing.T) {
	s := newShelf(t)
	s.block(write{key: "k1", value: "1"}, write{key: "k2", value: "2"}, write{key: "k3", value: "3"})
	for _, prove := range []bool{false, true} {
		for _, req := range []*ledgerpb.StateRequest{{From: []byte("k1"), To: []byte("k9")}, {From: []byte("k1")}, {Key: []byte("k1")}} {
			req.Prove = prove
			good, err := s.askAny("", req)
			require.NoError(t, err)
			for _, next := range []string{"k0", "k1", "k9", "kz", "\x00"} {
				if len(req.GetTo()) == 0 && len(req.GetKey()) == 0 && next > "k1" {
					continue
				}
				bad := proto.Clone(good).(*ledgerpb.StateReply)
				bad.Next = []byte(next)
				require.ErrorIs(t, s.client.CheckState(req, bad, false), client.ErrAnswer, "%v %q", req, next)
			}
		}
	}
}

// A record travels in the proof, and not beside it again.
func TestAProvenRecordIsSentOnce(t *testing.T) {
	s := newShelf(t)
	value := strings.Repeat("value", 1000)
	s.block(write{key: "k", value: value})
	for _, req := range []*ledgerpb.StateRequest{{Key: []byte("k")}, {From: []byte("k")}, {Key: []byte("k"), History: true}} {
		req.Prove = true
		got, err := s.answer("", req)
		require.NoError(t, err)
		raw, err := proto.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(raw), value))
		require.NoError(t, s.client.CheckState(req, got, false))
		require.Equal(t, value, string(got.GetEntries()[0].GetValue()))
	}
}

// The reader is not told of which record, which may not be for it; the repair is.
func TestDamageThatAProofMeetsIsNotedAndNotNamed(t *testing.T) {
	s := newShelf(t)
	s.keep = true
	s.block(s.party("alice@a", "a", nil))
	own := ledger.NewAudience("alice@a")
	s.block(write{key: "secret/lost", value: "1", audience: own, lost: true}, write{key: "secret/well", value: "1", audience: own})
	s.block(write{key: "secret/well", value: "2", audience: own, lost: true}) // an older version is there
	for _, req := range []*ledgerpb.StateRequest{{From: []byte("secret/l"), To: []byte("secret/m")}, {Key: []byte("secret/lost")}, {Key: []byte("secret/well")}} {
		req.Audience = []string{"alice@a"}
		_, err := s.ask("alice@a", req)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, err.Error(), fmt.Sprintf("%x", "secret"))
		var d interface{ Damaged() bool }
		require.ErrorAs(t, err, &d)
	}
	open, _ := s.lookups.Damage()
	require.Len(t, open, 2)
	for i, key := range []string{"secret/lost", "secret/well"} {
		require.Equal(t, storage.DamagedRecord, open[i].Kind)
		require.Equal(t, key, open[i].Key)
	}
}

// What is read is not pruned meanwhile, and can be afterwards.
func TestPruningWaitsForAReadUnderWay(t *testing.T) {
	s := newShelf(t)
	want := s.versions(6)
	pruned := 0
	s.lookups.clock = func() time.Time {
		require.NoError(t, s.lookups.Prune(12))
		pruned++
		return s.now
	}
	got, err := s.ask("", &ledgerpb.StateRequest{Key: []byte("k"), History: true, Height: 9})
	require.NoError(t, err)
	require.NotZero(t, pruned)
	require.Equal(t, want[1:], told(got.GetEntries()))
	require.Empty(t, got.GetNext())
	require.NoError(t, s.lookups.Prune(12))
	require.Equal(t, ledger.Height(12), s.lookups.OldestState())
	_, err = s.ask("", &ledgerpb.StateRequest{Key: []byte("k"), Height: 9})
	require.ErrorIs(t, err, reads.ErrNotFound)
}
