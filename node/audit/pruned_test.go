package audit_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/audit"
)

// The folder of a replica that has pruned verifies, and so does its export.
func TestAPrunedFolderVerifiesAndIsExported(t *testing.T) {
	m := makeLedger(t, 40, 4, always)
	dir := m.stored(t, t.TempDir())
	s, err := storage.Open(dir, storage.Options{Ledger: m.ID, FreeBytesMin: 1})
	require.NoError(t, err)
	for range 10 {
		_, err := s.PruneBlocks(30, 8, nil)
		require.NoError(t, err)
	}
	require.Equal(t, ledger.Height(30), s.Oldest())
	require.NoError(t, s.Close())
	check := func(src audit.Source) {
		summary, err := audit.Verify(t.Context(), m.rules, src, audit.Options{Workers: 2})
		require.NoError(t, err)
		require.Equal(t, ledger.Height(29), summary.Pruned)
		require.Equal(t, uint64(11*4), summary.Counts.Transactions)
		r := audit.NewReport(m.rules, src, summary, nil, 0, time.Unix(1, 0))
		require.Contains(t, r.Remarks, "blocks 1 to 29 are pruned here: header, commit certificate, outcome and execution certificate were checked, transactions and results are gone")
		require.NoError(t, src.Close())
	}
	src, err := audit.OpenStore(dir, m.ID, false)
	require.NoError(t, err)
	check(src)
	src, err = audit.OpenStore(dir, m.ID, false)
	require.NoError(t, err)
	var file bytes.Buffer
	_, err = audit.Write(t.Context(), &file, m.Genesis, src, nil)
	require.NoError(t, err)
	require.NoError(t, src.Close())
	read, err := audit.OpenExport(bytes.NewReader(file.Bytes()), m.rules)
	require.NoError(t, err)
	check(read)
}
