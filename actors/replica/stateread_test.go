package replica

import (
	"crypto/sha256"
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/execution"
	"github.com/concordat-ledger/concordat/actors/reads"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// shelf is a store with certified blocks, and a reader's view of it.
type shelf struct {
	key     []byte // the ledger's
	t       *testing.T
	id      ledger.ID
	lookups lookups
	client  *client.Client
	sign    func(certificate.ExecutionStatement) []byte
	tree    *tree.Tree
	keep    bool // the store is given the trees, and need not make them
	parent  ledger.Hash
	places  map[string][]byte // where each key's record stands
	keys    map[ledger.Party]signature.PrivateKey
	now     time.Time
}

func newShelf(t *testing.T) *shelf {
	public, private, err := certificate.Deal(rand.New(rand.NewSource(1)), quorum.Config{F: 1}, certificate.SchemeEd25519)
	require.NoError(t, err)
	s := &shelf{t: t, id: ledger.ID{7}, tree: tree.New(nil), places: map[string][]byte{}, keys: map[ledger.Party]signature.PrivateKey{}, now: time.Unix(1_000_000, 0)}
	store, err := storage.Open(t.TempDir(), storage.Options{Ledger: s.id, FreeBytesMin: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	s.sign = func(st certificate.ExecutionStatement) []byte {
		cert, _, err := public.Execution().Combine(st, []certificate.Share{private[0].ExecutionSigner().Sign(st), private[2].ExecutionSigner().Sign(st)})
		require.NoError(t, err)
		return cert
	}
	s.lookups = lookups{records: &records{Store: store, genesis: &ledger.Genesis{}}, ledger: s.id, clock: func() time.Time { return s.now }}
	s.key = public.Execution().LedgerKey()
	s.client = client.Offline(s.id, s.key)
	return s
}

// write is a record of a block; nil audience: for every member; nil value: removed.
type write struct {
	key, value string
	audience   ledger.Audience
	remove     bool
	lost       bool // the store has not what the tree has
}

func (s *shelf) block(writes ...write) ledger.Height {
	tip, _ := s.lookups.Tip()
	h := tip + 1
	b := &storage.BlockCommit{Height: h}
	var changes []tree.Change
	for _, w := range writes {
		tx := ledger.Hash(sha256.Sum256([]byte(fmt.Sprint(w, h))))
		raw := state.EncodeRecord(w.audience.Encode(), state.Provenance{Height: h, TxID: tx}, []byte(w.value))
		place := state.Place(w.audience.Encode(), []byte(w.key))
		if old := s.places[w.key]; old != nil && (w.remove || string(old) != string(place)) {
			changes = append(changes, tree.Change{Key: old, Remove: true})
		}
		delete(s.places, w.key)
		if !w.remove {
			changes = append(changes, tree.Change{Key: place, Record: state.RecordHash(raw), Size: len(w.key) + len(raw)})
			s.places[w.key] = place
		}
		if !w.lost {
			b.Changes = append(b.Changes, storage.Change{Key: []byte(w.key), Value: raw, Delete: w.remove})
		}
	}
	for _, c := range changes {
		b.Places = append(b.Places, c.Key)
	}
	var err error
	s.tree, err = s.tree.Apply(changes)
	require.NoError(s.t, err)
	if s.keep {
		b.Tree = s.tree
	}
	header := ledger.Header{Ledger: s.id, Height: h, Parent: s.parent, Time: ledger.Time(h) * 1000}
	outcome := ledger.Outcome{StateRoot: s.tree.Root(), ResultsRoot: ledger.NewMerkleTree(nil).Root()}
	b.BlockHash, b.Header, b.Outcome = header.Hash(), header.Marshal(), outcome.Marshal()
	s.parent = b.BlockHash
	require.NoError(s.t, s.lookups.Store.Commit(b))
	require.NoError(s.t, s.lookups.PutCertificate(h, s.sign(certificate.ExecutionStatement{Ledger: s.id, Height: h, Block: b.BlockHash,
		StateRoot: outcome.StateRoot, ResultsRoot: outcome.ResultsRoot})))
	return h
}

// party registers a key and returns the write.
func (s *shelf) party(name ledger.Party, organisation string, attributes map[string]string) write {
	key, err := signature.Generate(rand.New(rand.NewSource(int64(len(s.keys)))))
	require.NoError(s.t, err)
	s.keys[name] = key
	public := key.Public()
	rec := fmt.Sprintf(`{"party":%q,"organisation":%q,"public_key":"%x"}`, name, organisation, public[:])
	if attributes != nil {
		rec = rec[:len(rec)-1] + `,"attributes":{"auditor":"true"}}`
	}
	return write{key: string(execution.PartyKey(name)), value: rec}
}

// ask reads as a party; "": as nobody in particular. The answer is verified.
func (s *shelf) ask(as ledger.Party, req *ledgerpb.StateRequest) (*ledgerpb.StateReply, error) {
	req.Prove = true
	return s.askAny(as, req)
}

// answer is what the replica says.
func (s *shelf) answer(as ledger.Party, req *ledgerpb.StateRequest) (*ledgerpb.StateReply, error) {
	if as == "" {
		return s.lookups.State(req, ledger.Recipient{}, 0)
	}
	return s.lookups.SignedState(s.signed(as, req, s.now), 0)
}

func (s *shelf) askAny(as ledger.Party, req *ledgerpb.StateRequest) (*ledgerpb.StateReply, error) {
	got, err := s.answer(as, req)
	if err == nil {
		err = s.client.CheckState(req, got, as != "")
	}
	return got, err
}

func (s *shelf) signed(as ledger.Party, req *ledgerpb.StateRequest, at time.Time) *ledgerpb.SignedRead {
	raw, err := proto.Marshal(req)
	require.NoError(s.t, err)
	public := s.keys[as].Public()
	return &ledgerpb.SignedRead{Request: raw, Party: string(as), Time: at.UnixNano(), PublicKey: public[:],
		Signature: s.keys[as].Sign(ledger.ReadStatement(s.id, as, ledger.Time(at.UnixNano()), raw))}
}

func keysOf(got *ledgerpb.StateReply) (out []string) {
	for _, e := range got.GetEntries() {
		out = append(out, string(e.GetKey()))
	}
	return out
}

func TestARecordIsShownToItsAudienceAndIsAbsentForOthers(t *testing.T) {
	s := newShelf(t)
	both := ledger.NewAudience("alice@a", "org:b")
	s.block(s.party("alice@a", "a", nil), s.party("bob@b", "b", nil), s.party("carl@c", "c", nil), s.party("audit@x", "x", map[string]string{"auditor": "true"}))
	s.block(write{key: "c/pay/open", value: "1"}, write{key: "c/pay/secret", value: "2", audience: both}, write{key: "c/pay/secret2", value: "3", audience: both},
		write{key: "c/pay/other", value: "4", audience: ledger.NewAudience("carl@c")})
	secret := &ledgerpb.StateRequest{Key: []byte("c/pay/secret")}
	for as, sees := range map[ledger.Party]bool{"alice@a": true, "bob@b": true, "carl@c": false, "audit@x": true, "": false} {
		got, err := s.ask(as, secret)
		if !sees && as != "" { // it is absent among the records for every member; of others nothing is proven
			require.ErrorIs(t, err, client.ErrAnswer)
			require.ErrorContains(t, err, "name the audience")
		} else {
			require.NoError(t, err, as)
		}
		require.Equal(t, sees, len(got.GetEntries()) == 1, "%q", as)
		if !sees { // it looks like what does not exist, to the proof
			nothing, err := s.answer(as, &ledgerpb.StateRequest{Key: []byte("c/pay/secreu"), Prove: true})
			require.NoError(t, err)
			require.Empty(t, nothing.GetEntries())
			require.InDelta(t, len(nothing.GetProof()), len(got.GetProof()), 200)
			require.NotContains(t, string(got.GetProof()), "secret2")
			require.NotContains(t, string(got.GetProof()), "c/pay/oth")
		}
		// Scans: all that is visible without a proof, or one audience with a proof.
		plain, err := s.askAny(as, &ledgerpb.StateRequest{From: []byte("c/pay/"), To: []byte("c/pay0")})
		require.NoError(t, err)
		require.Equal(t, sees, slices.Contains(keysOf(plain), "c/pay/secret"))
		require.Equal(t, as == "audit@x" || as == "carl@c", slices.Contains(keysOf(plain), "c/pay/other"))
		open, err := s.ask(as, &ledgerpb.StateRequest{From: []byte("c/pay/"), To: []byte("c/pay0")})
		require.NoError(t, err)
		require.Equal(t, []string{"c/pay/open"}, keysOf(open))
		require.NotContains(t, string(open.GetProof()), "secret")
		theirs, err := s.ask(as, &ledgerpb.StateRequest{From: []byte("c/pay/"), To: []byte("c/pay0"), Audience: []string{"alice@a", "org:b"}})
		require.Equal(t, sees, err == nil, "%v", err)
		if sees {
			require.Equal(t, []string{"c/pay/secret", "c/pay/secret2"}, keysOf(theirs))
			require.NotContains(t, string(theirs.GetProof()), "c/pay/oth")
		}
	}
	// An audience without a record cannot be proven empty without showing others.
	_, err := s.ask("alice@a", &ledgerpb.StateRequest{Audience: []string{"alice@a"}})
	require.ErrorContains(t, err, "no record of this audience")
}

func TestAnAudienceThatChangesMovesTheRecord(t *testing.T) {
	s := newShelf(t)
	s.block(s.party("alice@a", "a", nil))
	s.block(write{key: "k", value: "open"})
	s.block(write{key: "k", value: "closed", audience: ledger.NewAudience("alice@a")})
	s.block(write{key: "z", value: "open"})
	for h, sees := range map[uint64]bool{1: false, 2: true, 3: false, 4: false} {
		got, err := s.ask("", &ledgerpb.StateRequest{Key: []byte("k"), Height: h})
		require.NoError(t, err)
		require.Equal(t, sees, len(got.GetEntries()) == 1, "block %d", h)
	}
	for _, reader := range []ledger.Party{"", "alice@a"} { // the replayed tree is the one that was certified
		at, err := s.lookups.Tree(4)
		require.NoError(t, err)
		require.Equal(t, s.tree.Root(), at.Root(), reader)
	}
}

// What is proven is what was asked, of the whole range, whatever a replica answers.
func TestAnAnswerToAnotherQuestionIsRefused(t *testing.T) {
	s := newShelf(t)
	var writes []write
	for i := range 60 {
		writes = append(writes, write{key: fmt.Sprintf("k%02d", i), value: fmt.Sprint(i)})
	}
	s.block(writes...)
	s.block(write{key: "later", value: "1"})
	asked := &ledgerpb.StateRequest{From: []byte("k10"), To: []byte("k40"), Limit: 20}
	good, err := s.ask("", asked)
	require.NoError(t, err)
	require.Len(t, good.GetEntries(), 20)
	require.Equal(t, "k30", string(good.GetNext()))
	rest, err := s.ask("", &ledgerpb.StateRequest{From: good.GetNext(), To: []byte("k40"), Limit: 20})
	require.NoError(t, err)
	require.Len(t, rest.GetEntries(), 10)
	require.Empty(t, rest.GetNext())
	for _, other := range []*ledgerpb.StateRequest{{From: []byte("k11"), To: []byte("k40")}, {From: []byte("k10"), To: []byte("k39")},
		{Key: []byte("k10")}, {From: []byte("k10"), To: []byte("k40"), Height: 1}} {
		other.Prove = true
		reply, err := s.lookups.State(other, ledger.Recipient{}, 0)
		require.NoError(t, err)
		require.ErrorIs(t, s.client.CheckState(&ledgerpb.StateRequest{Prove: true, From: []byte("k10"), To: []byte("k40"), Height: 2}, reply, false), client.ErrAnswer)
	}
	for at := 0; at < len(good.GetProof()); at += 7 {
		forged := proto.Clone(good).(*ledgerpb.StateReply)
		forged.Proof[at] ^= 1
		require.Error(t, s.client.CheckState(asked, forged, false), "byte %d", at)
	}
}

func TestASignedReadIsOfItsPartyAndOfNow(t *testing.T) {
	s := newShelf(t)
	s.block(s.party("alice@a", "a", nil), s.party("bob@b", "b", nil))
	req := &ledgerpb.StateRequest{Key: []byte("k")}
	good := s.signed("alice@a", req, s.now)
	_, err := s.lookups.SignedState(good, 0)
	require.NoError(t, err)
	for name, spoil := range map[string]func(m *ledgerpb.SignedRead){
		"another party":     func(m *ledgerpb.SignedRead) { m.Party = "bob@b" },
		"nobody":            func(m *ledgerpb.SignedRead) { m.Party = "eve@a" },
		"another request":   func(m *ledgerpb.SignedRead) { m.Request = append(m.Request, 1) },
		"another time":      func(m *ledgerpb.SignedRead) { m.Time++ },
		"a short key":       func(m *ledgerpb.SignedRead) { m.PublicKey = m.PublicKey[:31] },
		"a short signature": func(m *ledgerpb.SignedRead) { m.Signature = m.Signature[:63] },
	} {
		bad := proto.Clone(good).(*ledgerpb.SignedRead)
		spoil(bad)
		_, err := s.lookups.SignedState(bad, 0)
		var refused *reads.RefusedError
		require.ErrorAs(t, err, &refused, name)
	}
	for _, off := range []time.Duration{-2 * time.Minute, 2 * time.Minute} {
		_, err := s.lookups.SignedState(s.signed("alice@a", req, s.now.Add(off)), 0)
		require.ErrorContains(t, err, "sign again")
	}
}
