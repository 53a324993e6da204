package storage_test

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// model is a store made of maps.
type model struct {
	dir    string
	store  *storage.Store
	blocks []*storage.BlockCommit // from height 1
	states []map[string]string    // by height
	cmds   map[ledger.Hash]storage.Command
	certs  map[ledger.Height]string
	pruned ledger.Height
}

// Few keys, so that they are often written again, and some that are prefixes of others.
var keys = rapid.StringOfN(rapid.RuneFrom([]rune("\x00ab\u00ff")), 1, 3, -1)

var hashes = rapid.Custom(func(t *rapid.T) ledger.Hash { return ledger.Hash{rapid.Byte().Draw(t, "hash") % 16, 3} })

func (m *model) tip() ledger.Height { return ledger.Height(len(m.blocks)) }

func (m *model) open(t *rapid.T) {
	var err error
	m.store, err = storage.Open(m.dir, storage.Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20})
	require.NoError(t, err)
}

func (m *model) reopen(t *rapid.T) {
	require.NoError(t, m.store.Close())
	_, err := m.store.Stats()
	require.ErrorIs(t, err, storage.ErrClosed)
	m.open(t)
}

func (m *model) draw(t *rapid.T, h ledger.Height) *storage.BlockCommit {
	b := &storage.BlockCommit{Height: h, BlockHash: ledger.Hash{byte(h), byte(h >> 8), 8}, Header: noise(200, uint64(h)), Outcome: []byte{1}}
	for i := range rapid.IntRange(0, 6).Draw(t, "txs") {
		size := rapid.SampledFrom([]int{0, 1, 9, 300, 300, 300, 20_000, 300, 300, 300, 300, 61_440, 61_440, 300_000, 1_900_000}).Draw(t, "size")
		b.Txs = append(b.Txs, noise(size, uint64(i)))
		b.Results = append(b.Results, noise(size/7, uint64(h)))
		b.TxIDs = append(b.TxIDs, ledger.Hash{byte(h), byte(h >> 8), byte(i)})
		key := hashes.Draw(t, "command")
		expires := ledger.Time(h) + ledger.Time(rapid.IntRange(0, 9).Draw(t, "life"))
		b.Commands = append(b.Commands, storage.Command{Key: key, Height: h, Index: uint32(i), Expires: expires})
	}
	for range rapid.IntRange(0, 8).Draw(t, "changes") {
		c := storage.Change{Key: []byte(keys.Draw(t, "key")), Delete: rapid.IntRange(0, 3).Draw(t, "delete") == 0}
		if !c.Delete {
			c.Value = noise(rapid.SampledFrom([]int{0, 9, 9, 9, 65536}).Draw(t, "bytes"), uint64(h))
		}
		b.Changes = append(b.Changes, c)
	}
	return b
}

func (m *model) commit(t *rapid.T) {
	var group []*storage.BlockCommit
	for i := range rapid.IntRange(1, 3).Draw(t, "group") {
		group = append(group, m.draw(t, m.tip()+1+ledger.Height(i)))
	}
	require.ErrorIs(t, m.store.CommitGroup([]*storage.BlockCommit{m.draw(t, m.tip()+2)}), storage.ErrOutOfOrder)
	require.NoError(t, m.store.CommitGroup(group))
	for _, b := range group {
		state := maps.Clone(m.states[len(m.states)-1])
		for _, c := range b.Changes {
			if delete(state, string(c.Key)); !c.Delete {
				state[string(c.Key)] = string(c.Value)
			}
		}
		for _, c := range b.Commands {
			m.cmds[c.Key] = c
		}
		m.blocks, m.states = append(m.blocks, b), append(m.states, state)
	}
}

// height draws one that may be read, or one that may not and why.
func (m *model) height(t *rapid.T) (ledger.Height, error) {
	h := ledger.Height(rapid.Uint64Range(0, uint64(m.tip())+1).Draw(t, "height"))
	switch {
	case h > m.tip():
		return h, storage.ErrAhead
	case h < m.pruned:
		return h, storage.ErrPruned
	}
	return h, nil
}

func (m *model) get(t *rapid.T) {
	h, refused := m.height(t)
	key := keys.Draw(t, "key")
	value, found, err := m.store.Get([]byte(key), h)
	fromView, foundInView, _ := m.store.View(h).Get([]byte(key))
	require.Equal(t, []any{value, found}, []any{fromView, foundInView})
	if require.ErrorIs(t, err, refused); refused != nil {
		return
	}
	want, there := m.states[h][key]
	require.Equal(t, there, found)
	require.True(t, want == string(value))
}

func (m *model) scan(t *rapid.T) {
	h, refused := m.height(t)
	from, to := keys.Draw(t, "from"), keys.Draw(t, "to")
	if rapid.Bool().Draw(t, "all") {
		from, to = "", ""
	}
	reverse := rapid.Bool().Draw(t, "reverse")
	it, err := m.store.View(h).Scan([]byte(from), []byte(to), reverse)
	if require.ErrorIs(t, err, refused); refused != nil {
		require.ErrorIs(t, m.store.Each(h, nil), refused)
		return
	}
	defer it.Close()
	var want []string
	for _, key := range slices.Sorted(maps.Keys(m.states[h])) {
		if key >= from && (to == "" || key < to) {
			want = append(want, key+"="+m.states[h][key])
		}
	}
	if reverse {
		slices.Reverse(want)
	}
	var got, each []string
	for it.Next() {
		got = append(got, string(it.Key())+"="+string(it.Value()))
	}
	require.NoError(t, it.Err())
	require.True(t, slices.Equal(want, got), "%d of %d", len(got), len(want))
	require.NoError(t, m.store.Each(h, func(key, value []byte) error { each = append(each, string(key)); return nil }))
	require.Equal(t, slices.Sorted(maps.Keys(m.states[h])), append([]string(nil), each...))
}

func (m *model) locate(t *rapid.T) {
	key := hashes.Draw(t, "key")
	want, there := m.cmds[key]
	got, found, err := m.store.LocateCommand(key)
	require.NoError(t, err)
	require.Equal(t, there, found)
	require.Equal(t, want, got)
	h := ledger.Height(rapid.Uint64Range(1, uint64(m.tip())+1).Draw(t, "height"))
	at, found, err := m.store.LocateBlock(ledger.Hash{byte(h), byte(h >> 8), 8})
	require.NoError(t, err)
	require.Equal(t, h <= m.tip(), found)
	cert, certified, err := m.store.Certificate(h)
	require.NoError(t, err)
	require.Equal(t, m.certs[h], string(cert))
	require.Equal(t, m.certs[h] != "", certified)
	if !found {
		_, err = m.store.Block(h)
		require.ErrorIs(t, err, storage.ErrNotFound)
		return
	}
	require.Equal(t, h, at)
	b := m.blocks[h-1]
	stored, err := m.store.Block(h)
	require.NoError(t, err)
	require.True(t, equalItems(b.Txs, stored.Txs) && equalItems(b.Results, stored.Results) && bytes.Equal(b.Header, stored.Header))
	for i, id := range b.TxIDs {
		place, index, found, err := m.store.LocateTx(id)
		require.NoError(t, err)
		require.Equal(t, []any{h, uint32(i), true}, []any{place, index, found})
		tx, err := m.store.Tx(h, index)
		require.NoError(t, err)
		result, err := m.store.Result(h, index)
		require.NoError(t, err)
		require.True(t, bytes.Equal(b.Txs[i], tx) && bytes.Equal(b.Results[i], result))
	}
}

func (m *model) commands(t *rapid.T) {
	after := ledger.Time(rapid.IntRange(-1, int(m.tip())+9).Draw(t, "after"))
	want := map[ledger.Hash]storage.Command{}
	for key, c := range m.cmds {
		if c.Expires > after {
			want[key] = c
		}
	}
	got, last := map[ledger.Hash]storage.Command{}, ledger.Hash{}
	require.NoError(t, m.store.Commands(after, func(c storage.Command) error {
		require.True(t, len(got) == 0 || bytes.Compare(last[:], c.Key[:]) < 0, "in the order of keys")
		got[c.Key], last = c, c.Key
		return nil
	}))
	require.Equal(t, want, got)
}

func (m *model) drop(t *rapid.T) {
	before := ledger.Time(rapid.IntRange(0, int(m.tip())+3).Draw(t, "before"))
	want := len(m.cmds)
	maps.DeleteFunc(m.cmds, func(_ ledger.Hash, c storage.Command) bool { return c.Expires < before })
	got, err := m.store.DropCommands(before)
	require.NoError(t, err)
	require.Equal(t, want-len(m.cmds), got)
}

func (m *model) certify(t *rapid.T) {
	h := ledger.Height(rapid.Uint64Range(0, uint64(m.tip())+1).Draw(t, "height"))
	cert := strings.Repeat("c", rapid.IntRange(1, 3).Draw(t, "cert"))
	err := m.store.PutCertificate(h, []byte(cert))
	if h == 0 || h > m.tip() {
		require.ErrorIs(t, err, storage.ErrAhead)
		return
	}
	require.NoError(t, err)
	m.certs[h] = cert
}

func (m *model) prune(t *rapid.T) {
	h := ledger.Height(rapid.Uint64Range(0, uint64(m.tip())+1).Draw(t, "below"))
	err := m.store.Prune(h)
	if h > m.tip() {
		require.ErrorIs(t, err, storage.ErrAhead)
		return
	}
	require.NoError(t, err)
	m.pruned = max(m.pruned, h)
}

func (m *model) check(t *rapid.T) {
	h, hash := m.store.Tip()
	require.Equal(t, m.tip(), h)
	if h > 0 {
		require.Equal(t, m.blocks[h-1].BlockHash, hash)
	}
	stats, err := m.store.Stats()
	require.NoError(t, err)
	require.Equal(t, [2]ledger.Height{h, m.pruned}, [2]ledger.Height{stats.Tip, stats.Pruned})
}

func TestTheStoreAnswersLikePlainMaps(t *testing.T) {
	checks(t, 50)
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "store")
		require.NoError(t, err)
		defer func() { _ = os.RemoveAll(dir) }()
		m := &model{dir: dir, states: []map[string]string{{}}, cmds: map[ledger.Hash]storage.Command{}, certs: map[ledger.Height]string{}}
		m.open(t)
		defer func() { _ = m.store.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"commit": m.commit, "commit more": m.commit, "get": m.get, "scan": m.scan, "locate": m.locate, "commands": m.commands,
			"drop": m.drop, "certify": m.certify, "prune": m.prune, "reopen": m.reopen, "": m.check,
		})
	})
}
