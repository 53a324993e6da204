package execution

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

type emptyStore struct{}

func (emptyStore) Tip() (ledger.Height, ledger.Hash)               { return 0, ledger.Hash{} }
func (emptyStore) Get([]byte, ledger.Height) ([]byte, bool, error) { return nil, false, nil }
func (emptyStore) Scan(_, _ []byte, _ ledger.Height, _ bool) (contracts.Iterator, error) {
	return nil, nil
}
func (emptyStore) Header(ledger.Height) ([]byte, error)           { return nil, nil }
func (emptyStore) Commands(func(actorspb.Command) error) error    { return nil }
func (emptyStore) CommandsSum(ledger.Height) (ledger.Hash, error) { return ledger.Hash{}, nil }
func (emptyStore) Tree(ledger.Height) (*tree.Tree, error)         { return tree.New(nil), nil }
func (emptyStore) RebuildTree(ledger.Height) (*tree.Tree, error)  { return tree.New(nil), nil }
func (emptyStore) Outcome(ledger.Height) (*ledger.Outcome, error) { return nil, nil }

type bench struct {
	t     *testing.T
	chain *chain
	keys  map[ledger.Party]signature.PrivateKey
	now   ledger.Time
	count int
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, keys: map[ledger.Party]signature.PrivateKey{}, now: 1_000_000_000_000}
	g := &ledger.Genesis{Limits: ledger.DefaultLimits()}
	for i, p := range []ledger.Party{"admin@a", "alice@a", "admin@b"} {
		key, err := signature.Generate(rand.New(rand.NewSource(int64(i))))
		require.NoError(t, err)
		b.keys[p] = key
		public := key.Public()
		g.Parties = append(g.Parties, ledger.PartyRecord{Party: p, Organisation: string(p[len(p)-1:]), PublicKey: public[:], Admin: p != "alice@a"})
	}
	var err error
	b.chain, err = load(&Config{Ledger: ledger.ID{1}, Genesis: g, Store: emptyStore{}})
	require.NoError(t, err)
	return b
}

func (b *bench) tx(party ledger.Party, command, method, args string, valid time.Duration) []byte {
	tx := ledger.Transaction{Ledger: ledger.ID{1}, Party: party, Command: []byte(command), Contract: SystemContract, Method: method,
		Args: []byte(args), ValidUntil: b.now + ledger.Time(valid)}
	e := ledger.Envelope{Payload: tx.Marshal(), PublicKey: b.keys[party].Public()}
	return e.Marshal()
}

func (b *bench) block(txs ...[]byte) *actorspb.ExecutedBlock {
	b.now += ledger.Time(time.Second)
	out, err := b.chain.execute(b.decided(txs...))
	require.NoError(b.t, err)
	return out
}

func (b *bench) decided(txs ...[]byte) actorspb.Decided {
	return actorspb.Decided{Height: b.chain.height + 1, Body: ledger.NewBody(ledger.ID{1}, ledger.Proposal{Time: b.now, Txs: txs})}
}

func (b *bench) register(by, party ledger.Party, organisation string) *ledger.Result {
	key, err := signature.Generate(rand.New(rand.NewSource(99)))
	require.NoError(b.t, err)
	b.keys[party] = key
	public := key.Public()
	b.count++
	args, err := json.Marshal(ledger.PartyRecord{Party: party, Organisation: organisation, PublicKey: public[:]})
	require.NoError(b.t, err)
	return b.block(b.tx(by, fmt.Sprint("register ", b.count), "register_party", string(args), time.Minute)).Results[0]
}

func TestACommandIsExecutedOnceInItsWindow(t *testing.T) {
	b := newBench(t)
	first := b.block(b.tx("alice@a", "x", "note", "1", 5*time.Second), b.tx("alice@a", "x", "note", "2", 5*time.Second))
	require.Equal(t, ledger.StatusOK, first.Results[0].Status)
	require.Equal(t, ledger.StatusDuplicate, first.Results[1].Status, "in the same block")
	require.Equal(t, ledger.Place{Height: 1, Index: 0}, first.Results[1].First)
	require.Equal(t, ledger.StatusDuplicate, b.block(b.tx("alice@a", "x", "note", "3", time.Minute)).Results[0].Status)
	require.Equal(t, ledger.StatusOK, b.block(b.tx("admin@a", "x", "note", "", time.Minute)).Results[0].Status, "another party's command")
	for range 5 {
		b.block()
	}
	require.Equal(t, ledger.StatusOK, b.block(b.tx("alice@a", "x", "note", "4", time.Minute)).Results[0].Status, "the window is over")
}

func TestTheRulesOfEveryTransaction(t *testing.T) {
	b := newBench(t)
	b.keys["mallory@a"] = b.keys["alice@a"]
	late := b.tx("alice@a", "l", "note", "", time.Millisecond)
	for name, c := range map[string]struct {
		raw    []byte
		status ledger.Status
	}{
		"unknown signer": {b.tx("mallory@a", "a", "note", "", time.Minute), ledger.StatusUnknownSigner},
		"expired":        {late, ledger.StatusExpired},
		"too far ahead":  {b.tx("alice@a", "b", "note", "", time.Hour), ledger.StatusRefused},
		"garbage":        {[]byte("garbage"), ledger.StatusMalformed},
		"unknown method": {b.tx("alice@a", "c", "nothing", "", time.Minute), ledger.StatusUnknownMethod},
	} {
		r := b.block(c.raw).Results[0]
		require.Equal(t, c.status, r.Status, name)
		require.NotEmpty(t, r.Message, name)
	}
}

func TestOnlyAnAdministratorRegistersPartiesOfItsOwn(t *testing.T) {
	b := newBench(t)
	require.Equal(t, ledger.StatusRefused, b.register("alice@a", "carol@a", "a").Status, "alice is no administrator")
	require.Equal(t, ledger.StatusRefused, b.register("admin@b", "carol@a", "a").Status, "another organisation")
	require.Equal(t, ledger.StatusOK, b.register("admin@a", "carol@a", "a").Status)
	require.Equal(t, ledger.StatusOK, b.block(b.tx("carol@a", "first", "note", "", time.Minute)).Results[0].Status)
	require.Equal(t, ledger.StatusRefused, b.register("admin@b", "carol@a", "b").Status, "a party is not taken over")
	require.Contains(t, b.register("admin@a", "contract:escrow", "a").Message, "stands for a contract", "nobody acts as a contract")
	for _, args := range []string{"", "{}", "{", `{"party":"x"} {}`, `{"unknown":1}`} {
		r := b.block(b.tx("admin@a", "bad "+args, "register_party", args, time.Minute)).Results[0]
		require.Equal(t, ledger.StatusRefused, r.Status, args)
	}
}

func TestTwoChainsAgreeAndFailuresChangeNothing(t *testing.T) {
	x, y := newBench(t), newBench(t)
	for i := range 20 {
		raw := x.tx("alice@a", string(rune('a'+i)), []string{"note", "nothing"}[i%2], "", time.Minute)
		before := x.chain.tree.Root()
		bx, by := x.block(raw), y.block(raw)
		require.Equal(t, bx.Outcome, by.Outcome)
		require.Equal(t, bx.Hash, by.Hash)
		if i > 0 {
			require.Equal(t, before, bx.Outcome.StateRoot)
		}
	}
	v, err := x.chain.values.get(PartyKey("alice@a"))
	require.NoError(t, err)
	place, err := state.PlaceOf(PartyKey("alice@a"), v)
	require.NoError(t, err)
	proof, err := x.chain.tree.Prove(place, state.Next(place), func([]byte) (ledger.Hash, error) { return state.RecordHash(v), nil })
	require.NoError(t, err)
	leaves, err := proof.Check(x.chain.tree.Root(), place, state.Next(place))
	require.NoError(t, err)
	require.Equal(t, []state.Leaf{{Key: place, Record: state.RecordHash(v)}}, leaves)
	r, err := state.DecodeRecord(v)
	require.NoError(t, err)
	require.Equal(t, state.Provenance{Height: 1}, r.Provenance)
}

func TestBlockTimeNeverRunsBackwards(t *testing.T) {
	b := newBench(t)
	young := b.block(b.tx("alice@a", "x", "note", "1", time.Minute))
	null, err := b.chain.execute(actorspb.Decided{Height: 2, Body: ledger.NewBody(ledger.ID{1}, ledger.Proposal{})})
	require.NoError(t, err)
	require.Equal(t, young.Header.Time, null.Header.Time, "a null block has its parent's time")
	require.Equal(t, ledger.NewBody(ledger.ID{1}, ledger.Proposal{}).Digest, null.Header.ProposalDigest())
	require.Empty(t, null.Results)
	old, err := b.chain.execute(actorspb.Decided{Height: 3, Body: ledger.NewBody(ledger.ID{1}, ledger.Proposal{Time: b.now - 5,
		Txs: [][]byte{b.tx("alice@a", "y", "note", "2", time.Minute)}})})
	require.NoError(t, err)
	require.Equal(t, young.Header.Time, old.Header.Time, "an older proposal behind a younger one")
	require.Equal(t, b.now-5, old.Header.Proposed)
	parsed, err := ledger.ParseHeader(old.Header.Marshal())
	require.NoError(t, err)
	require.Equal(t, old.Header, *parsed)
	require.Equal(t, ledger.StatusOK, old.Results[0].Status)
}
