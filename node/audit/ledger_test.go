package audit_test

import (
	"bytes"
	"context"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/export"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/ledger/verify/sample"
	"github.com/concordat-ledger/concordat/node/audit"
)

// made is a sample ledger with its blocks and its state.
type made struct {
	*sample.Ledger
	rules   *chain.Rules
	blocks  []*sample.Block
	records []state.Pair
}

func makeLedger(t testing.TB, blocks, txs int, certify func(ledger.Height) bool) *made {
	l, err := sample.New(rand.New(rand.NewSource(1)), certificate.SchemeEd25519)
	require.NoError(t, err)
	m := &made{Ledger: l}
	m.rules, err = chain.NewRules(l.Genesis)
	require.NoError(t, err)
	for h := range ledger.Height(blocks) {
		b, err := l.Next(txs, certify(h+1))
		require.NoError(t, err)
		m.blocks = append(m.blocks, b)
	}
	m.records = l.Records()
	return m
}

func always(ledger.Height) bool { return true }

// with is the ledger with one block replaced.
func (m *made) with(h ledger.Height, b *sample.Block) *made {
	out := *m
	out.blocks = slices.Clone(m.blocks)
	out.blocks[h-1] = b
	return &out
}

// stored is a store's folder with the ledger as it is. It is what a replica that lies
// would have: each value with the right checksum.
func (m *made) stored(t require.TestingT, dir string) string {
	require.NoError(t, os.RemoveAll(dir))
	s, err := storage.Open(dir, storage.Options{Ledger: m.ID, FreeBytesMin: 1})
	require.NoError(t, err)
	var group []*storage.BlockCommit
	for _, b := range m.blocks {
		group = append(group, &storage.BlockCommit{Height: b.Height, BlockHash: b.Hash, CommandsSum: b.Commands, Header: b.Header,
			Commit: b.Commit, Outcome: b.Outcome, Txs: b.Txs, Results: b.Results, TxIDs: b.TxIDs, Changes: b.Changes, Places: b.Places, Tree: b.Tree})
	}
	require.NoError(t, s.CommitGroup(group))
	for _, b := range m.blocks {
		if len(b.Certificate) > 0 {
			require.NoError(t, s.PutCertificate(b.Height, b.Certificate))
		}
	}
	require.NoError(t, s.Close())
	return dir
}

// exported is the ledger as a file would have it, each section with the right checksum.
func (m *made) exported(t require.TestingT) []byte {
	var out bytes.Buffer
	w, err := export.NewWriter(&out, &export.Begin{Genesis: m.Genesis, First: 1})
	require.NoError(t, err)
	for _, b := range m.blocks {
		require.NoError(t, w.Block(&b.Block, b.Hash))
	}
	require.NoError(t, w.State(ledger.Height(len(m.blocks))))
	for _, p := range m.records {
		require.NoError(t, w.Record(p.Key, p.Value))
	}
	_, err = w.End()
	require.NoError(t, err)
	return out.Bytes()
}

func (m *made) verifyStore(ctx context.Context, dir string, opt audit.Options) (*chain.Summary, error) {
	src, err := audit.OpenStore(dir, m.rules.Ledger(), false)
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }()
	return audit.Verify(ctx, m.rules, src, opt)
}

func (m *made) verifyExport(ctx context.Context, raw []byte, opt audit.Options) (*chain.Summary, error) {
	src, err := audit.OpenExport(bytes.NewReader(raw), m.rules)
	if err != nil {
		return nil, err
	}
	return audit.Verify(ctx, m.rules, src, opt)
}

// A few hundred blocks, in a store and in its export: both say the same.
func TestALedgerVerifiesInItsStoreAndInItsExport(t *testing.T) {
	m := makeLedger(t, 300, 5, always)
	dir := m.stored(t, filepath.Join(t.TempDir(), "store"))
	inStore, err := m.verifyStore(t.Context(), dir, audit.Options{Workers: 2})
	require.NoError(t, err)
	require.Equal(t, ledger.Height(300), inStore.Certified)
	require.Equal(t, uint64(1500), inStore.Counts.Transactions)
	require.True(t, inStore.StateCertified)

	src, err := audit.OpenStore(dir, m.ID, false)
	require.NoError(t, err)
	var file bytes.Buffer
	end, err := audit.Write(t.Context(), &file, m.Genesis, src, nil)
	require.NoError(t, err)
	require.NoError(t, src.Close())
	require.Equal(t, inStore.Hash, end.Hash)
	require.True(t, bytes.Equal(m.exported(t), file.Bytes()))
	inExport, err := m.verifyExport(t.Context(), file.Bytes(), audit.Options{})
	require.NoError(t, err)
	require.Equal(t, inStore, inExport)
}

// The newest blocks of a stopped replica may lack their certificate: the state that is
// checked is that of the newest one that has it.
func TestTheStateThatIsCertifiedIsChecked(t *testing.T) {
	m := makeLedger(t, 20, 5, func(h ledger.Height) bool { return h <= 17 && h != 9 })
	dir := m.stored(t, filepath.Join(t.TempDir(), "store"))
	s, err := m.verifyStore(t.Context(), dir, audit.Options{})
	require.NoError(t, err)
	require.Equal(t, ledger.Height(17), s.StateHeight)
	require.True(t, s.StateCertified)
	require.Equal(t, ledger.Height(18), s.Open)
	require.Equal(t, []chain.Range{{From: 9, To: 9}}, s.Gaps)

	writable, err := storage.Open(dir, storage.Options{Ledger: m.ID, FreeBytesMin: 1})
	require.NoError(t, err)
	require.NoError(t, writable.Prune(19))
	require.NoError(t, writable.Close())
	s, err = m.verifyStore(t.Context(), dir, audit.Options{})
	require.NoError(t, err)
	require.Equal(t, ledger.Height(20), s.StateHeight)
	require.False(t, s.StateCertified)
}

// A replica that began with a snapshot has no older blocks; it is said where the ledger
// begins.
func TestALedgerWithoutItsFirstBlocksVerifies(t *testing.T) {
	m := makeLedger(t, 12, 5, always)
	at := m.blocks[9]
	early := makeLedger(t, 10, 5, always)
	dir := filepath.Join(t.TempDir(), "store")
	opt := storage.Options{Ledger: m.ID, FreeBytesMin: 1}
	commit := func(b *sample.Block) *storage.BlockCommit {
		return &storage.BlockCommit{Height: b.Height, BlockHash: b.Hash, CommandsSum: b.Commands, CommandsBefore: m.blocks[b.Height-2].Commands,
			Header: b.Header, Commit: b.Commit, Outcome: b.Outcome, Txs: b.Txs, Results: b.Results, TxIDs: b.TxIDs, Changes: b.Changes, Places: b.Places, Tree: b.Tree}
	}
	require.NoError(t, storage.Install(dir, opt, commit(at), at.Certificate, func(emit func(key, value []byte) error) error {
		for _, p := range early.records {
			if err := emit(p.Key, p.Value); err != nil {
				return err
			}
		}
		return nil
	}))
	s, err := storage.Open(dir, opt)
	require.NoError(t, err)
	for _, b := range m.blocks[10:] {
		require.NoError(t, s.Commit(commit(b)))
		require.NoError(t, s.PutCertificate(b.Height, b.Certificate))
	}
	require.NoError(t, s.Close())
	got, err := m.verifyStore(t.Context(), dir, audit.Options{})
	require.NoError(t, err)
	require.Equal(t, ledger.Height(10), got.First)
	require.Equal(t, uint64(3), got.Counts.Blocks)
	src, err := audit.OpenStore(dir, m.ID, false)
	require.NoError(t, err)
	var file bytes.Buffer
	_, err = audit.Write(t.Context(), &file, m.Genesis, src, nil)
	require.NoError(t, err)
	require.NoError(t, src.Close())
	fromFile, err := m.verifyExport(t.Context(), file.Bytes(), audit.Options{})
	require.NoError(t, err)
	require.Equal(t, got, fromFile)
}

func TestAStoreOfAnotherLedgerIsRefused(t *testing.T) {
	m := makeLedger(t, 2, 1, always)
	dir := m.stored(t, filepath.Join(t.TempDir(), "store"))
	_, err := audit.OpenStore(dir, ledger.ID{1}, false)
	require.ErrorContains(t, err, "genesis: the store is of ledger")
	require.True(t, chain.IsFault(err))
	other, err := sample.New(rand.New(rand.NewSource(2)), certificate.SchemeBLS)
	require.NoError(t, err)
	rules, err := chain.NewRules(other.Genesis)
	require.NoError(t, err)
	_, err = audit.OpenExport(bytes.NewReader(m.exported(t)), rules)
	require.True(t, chain.IsFault(err))
	_, err = audit.OpenExport(bytes.NewReader([]byte("something else")), rules)
	require.ErrorIs(t, err, audit.ErrUnreadable)
	_, err = audit.Find(t.TempDir())
	require.ErrorIs(t, err, audit.ErrUnreadable)
	_, err = audit.OpenStore(filepath.Join(t.TempDir(), "none"), m.ID, false)
	require.ErrorIs(t, err, audit.ErrUnreadable)
}

// A folder without a store gets none by being looked at, taken over or not.
func TestAFolderWithoutAStoreIsRefused(t *testing.T) {
	for text, why := range map[string]string{
		"kind: replica\nid: replica-0\ndata: data\n": "there is no store in",
		"kind: [\n":     "node.yaml",
		"typo: replica": "field typo not found",
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "node.yaml"), []byte(text), 0o600))
		_, err := audit.Find(dir)
		require.ErrorIs(t, err, audit.ErrUnreadable)
		require.ErrorContains(t, err, why)
	}
}

// A replica that has not begun says nothing about the ledger.
func TestAStoreWithoutABlockIsNoVerdict(t *testing.T) {
	m := makeLedger(t, 0, 1, always)
	_, err := m.verifyStore(t.Context(), m.stored(t, filepath.Join(t.TempDir(), "store")), audit.Options{})
	require.ErrorIs(t, err, audit.ErrUnreadable)
	require.False(t, chain.IsFault(err))
}

// What a crash leaves is read when the store may be written to, and not before.
func TestAStoreThatWasNotClosedIsTakenOver(t *testing.T) {
	m := makeLedger(t, 6, 2, always)
	dir, crashed := m.stored(t, filepath.Join(t.TempDir(), "store")), filepath.Join(t.TempDir(), "crashed")
	s, err := storage.Open(dir, storage.Options{Ledger: m.ID, FreeBytesMin: 1})
	require.NoError(t, err)
	require.NoError(t, s.PutCertificate(6, m.blocks[5].Certificate))
	_, err = audit.OpenStore(dir, m.ID, false)
	require.ErrorIs(t, err, audit.ErrUnreadable)
	require.ErrorContains(t, err, "in use by process")
	require.NoError(t, os.CopyFS(crashed, os.DirFS(dir)))
	require.NoError(t, s.Close())
	_, err = audit.OpenStore(crashed, m.ID, false)
	require.ErrorIs(t, err, audit.ErrUnreadable)
	require.ErrorContains(t, err, "--take-over")
	src, err := audit.OpenStore(crashed, m.ID, true)
	require.NoError(t, err)
	_, err = audit.Verify(t.Context(), m.rules, src, audit.Options{})
	require.NoError(t, err)
	require.NoError(t, src.Close())
}
