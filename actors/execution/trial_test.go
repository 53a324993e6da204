package execution

import (
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// pastStore keeps what each block changed.
type pastStore struct {
	emptyStore
	blocks []*actorspb.ExecutedBlock
}

func (s *pastStore) Get(key []byte, at ledger.Height) (value []byte, found bool, err error) {
	for _, b := range s.blocks[:at] {
		for _, c := range b.Changes {
			if string(c.Key) == string(key) {
				value, found = c.Value, !c.Delete
			}
		}
	}
	return value, found, nil
}

func (s *pastStore) Scan(from, to []byte, at ledger.Height, reverse bool) (contracts.Iterator, error) {
	seen := map[string]bool{}
	var keys []string
	for _, b := range s.blocks[:at] {
		for _, c := range b.Changes {
			k := string(c.Key)
			if _, found, _ := s.Get(c.Key, at); found && !seen[k] && k >= string(from) && k < string(to) {
				seen[k] = true
				keys = append(keys, k)
			}
		}
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] != reverse })
	return &listed{store: s, at: at, keys: keys}, nil
}

type listed struct {
	store *pastStore
	at    ledger.Height
	keys  []string
}

func (l *listed) Next() (key, value []byte, ok bool, err error) {
	if len(l.keys) == 0 {
		return nil, nil, false, nil
	}
	key, l.keys = []byte(l.keys[0]), l.keys[1:]
	value, ok, err = l.store.Get(key, l.at)
	return key, value, ok, err
}

func (l *listed) Close() {}

// trials is a ledger whose past can be executed again.
type trials struct {
	*bench
	past *pastStore
	cfg  *Config
}

func newTrials(t *testing.T) *trials {
	b := withEngine(t)
	past := &pastStore{}
	g := &ledger.Genesis{Limits: ledger.DefaultLimits()}
	for p, key := range b.keys {
		public := key.Public()
		g.Parties = append(g.Parties, ledger.PartyRecord{Party: p, Organisation: string(p[len(p)-1:]), PublicKey: public[:], Admin: p != "alice@a"})
	}
	return &trials{b, past, &Config{Ledger: ledger.ID{1}, Genesis: g, Store: past, Modules: b.chain.modules}}
}

func (b *trials) block(txs ...[]byte) *actorspb.ExecutedBlock {
	out := b.bench.block(txs...)
	b.past.blocks = append(b.past.blocks, out)
	return out
}

func (b *trials) call(command, contract, method string) []byte {
	tx := ledger.Transaction{Ledger: ledger.ID{1}, Party: "alice@a", Command: []byte(command), Contract: contract, Method: method, ValidUntil: b.now + ledger.Time(time.Minute)}
	e := ledger.Envelope{Payload: tx.Marshal(), PublicKey: b.keys["alice@a"].Public()}
	return e.Marshal()
}

// Whatever stands in a block, each of its transactions executed again ends as it did, gas
// included, and their changes together are the block's.
func TestATransactionExecutedAgainEndsAsItDid(t *testing.T) {
	b := newTrials(t)
	b.block(b.tx("admin@a", "d1", "deploy", deployment("counter", counter()), time.Minute), b.call("0", "counter", "x"))
	b.block(b.tx("admin@a", "d2", "deploy", deployment("other", counter()), time.Minute))
	b.block(b.call("1", "counter", "x"), b.call("2", "counter", "t"), b.call("1", "counter", "x"), b.call("3", "counter", "o"), b.call("4", "nobody", "x"),
		[]byte("garbage"), b.tx("admin@a", "d3", "upgrade", deployment("other", successor()), time.Minute), b.call("5", "counter", "f"), b.call("6", "other", "x"))
	for h, block := range b.past.blocks {
		final := map[string][]byte{}
		for i, want := range block.Results {
			if want.Status == ledger.StatusDuplicate || want.Status == ledger.StatusMalformed {
				continue
			}
			trial, err := NewTrial(b.cfg, ledger.Height(h), block.Header.Time)
			require.NoError(t, err)
			var steps int
			r, changes, err := trial.Again(block.Body.Txs, block.Results, uint32(i), func(contracts.Step) { steps++ })
			require.NoError(t, err)
			again := *want
			again.Command = ledger.Hash{}
			require.Equal(t, &again, r, "block %d, transaction %d", h+1, i)
			if want.Status != ledger.StatusOK {
				require.Empty(t, changes)
			}
			for _, c := range changes {
				final[string(c.Key)] = c.Value
			}
		}
		for _, c := range block.Changes {
			if h == 0 && len(c.Key) > 1 && c.Key[0] == 's' && final[string(c.Key)] == nil {
				continue // genesis
			}
			require.Equal(t, c.Value, final[string(c.Key)], "%s", c.Key)
		}
	}
}

func TestATrialChangesNothingAndTellsWhatItWould(t *testing.T) {
	b := newTrials(t)
	trial := func() *Trial {
		x, err := NewTrial(b.cfg, b.chain.height, b.now)
		require.NoError(t, err)
		return x
	}
	d := ledger.Deployment{Name: "counter", Code: counter()}
	r, changes, err := trial().Call(Call{Party: "admin@a", Contract: SystemContract, Method: "deploy", Args: d.Marshal()}, nil)
	require.NoError(t, err)
	require.Equal(t, ledger.StatusOK, r.Status, "before the first block: %s", r.Message)
	require.Len(t, changes, 2, "the record and one piece of the module")

	b.block(b.tx("admin@a", "d1", "deploy", string(d.Marshal()), time.Minute), b.call("1", "counter", "x"))
	root := b.chain.tree.Root()
	for range 2 {
		var steps []contracts.Step
		r, changes, err := trial().Call(Call{Party: "alice@a", Contract: "counter", Method: "o"}, func(s contracts.Step) { steps = append(steps, s) })
		require.NoError(t, err)
		require.Equal(t, ledger.StatusOK, r.Status, r.Message)
		require.Equal(t, []byte{2, 0, 0, 0}, r.Output)
		require.Len(t, changes, 1)
		rec, err := state.DecodeRecord(changes[0].Value)
		require.NoError(t, err)
		require.Equal(t, byte(2), rec.Value[0])
		var what []string
		for _, s := range steps {
			what = append(what, s.What)
			require.Equal(t, "counter", s.Contract)
			require.Equal(t, 1, s.Depth)
		}
		require.Equal(t, []string{"get", "put", "emit", "invoke", "return"}, what)
		require.Equal(t, "failed", steps[4].Other, "there is no other contract")
	}
	require.Equal(t, root, b.chain.tree.Root())
	_, _, err = trial().Call(Call{Party: "nobody@z", Contract: "counter", Method: "x"}, nil)
	require.ErrorIs(t, err, ErrParty)
	r, _, err = trial().Call(Call{Party: "alice@a", Contract: "counter", Method: "l", GasLimit: 3_000_000}, nil)
	require.NoError(t, err)
	require.Equal(t, ledger.StatusOutOfGas, r.Status)
	require.EqualValues(t, 3_000_000, r.GasUsed)
}
