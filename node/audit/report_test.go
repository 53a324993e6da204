package audit_test

import (
	"bytes"
	"errors"
	"math/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/node/audit"
)

// report is one of a ledger with something to remark on.
func report(t *testing.T) (*made, *audit.Report) {
	m := makeLedger(t, 12, 2, func(h ledger.Height) bool { return h != 3 && h < 11 })
	src, err := audit.OpenExport(bytes.NewReader(m.exported(t)), m.rules)
	require.NoError(t, err)
	s, err := audit.Verify(t.Context(), m.rules, src, audit.Options{})
	require.NoError(t, err)
	return m, audit.NewReport(m.rules, src, s, nil, 5, time.Unix(1_700_000_000, 0))
}

func TestAReportSaysWhatWasChecked(t *testing.T) {
	m, r := report(t)
	require.Equal(t, audit.ResultVerified, r.Result)
	require.Equal(t, m.ID.String(), r.LedgerID)
	require.Equal(t, [3]uint64{1, 12, 10}, [3]uint64{r.FirstHeight, r.LastHeight, r.CertifiedHeight})
	require.Equal(t, m.blocks[11].Hash.String(), r.LastHash)
	require.Equal(t, audit.Checked{Blocks: 12, Transactions: 24, Signatures: 22, CommitCertificates: 12, ExecutionCertificates: 9,
		Records: uint64(len(m.records)), Bytes: r.Checked.Bytes}, r.Checked)
	require.False(t, r.StateCertified)
	require.Equal(t, "2023-11-14T22:13:20Z", r.Time)
	said := strings.Join(r.Remarks, "\n")
	for _, what := range []string{"the blocks up to 5 were checked by an earlier run", "block 3 has no execution certificate here",
		"blocks 11 to 12 are not certified yet", "the state is that of block 12, whose state root is not certified yet"} {
		require.Contains(t, said, what)
	}
	src, err := audit.OpenExport(bytes.NewReader(m.exported(t)), m.rules)
	require.NoError(t, err)
	refused := audit.NewReport(m.rules, src, nil, chain.NewFault(7, chain.PartHeader, "%w", errors.New("wrong")), 0, time.Now())
	require.Equal(t, audit.ResultRefused, refused.Result)
	require.Equal(t, "block 7, header: wrong", refused.Fault)
}

// Whichever byte of a report's file changes: it is refused, or says the same.
func TestAReportIsSigned(t *testing.T) {
	_, r := report(t)
	key, err := signature.Generate(rand.New(rand.NewSource(3)))
	require.NoError(t, err)
	file, err := audit.Sign(r, key)
	require.NoError(t, err)
	got, signer, err := audit.OpenReport(file)
	require.NoError(t, err)
	require.Equal(t, r, got)
	require.Equal(t, key.Public(), signer)
	refused := 0
	for at := range file {
		forged := bytes.Clone(file)
		forged[at] ^= 1
		got, signer, err := audit.OpenReport(forged)
		if err != nil {
			require.ErrorIs(t, err, audit.ErrReport)
			refused++
			continue
		}
		require.Equal(t, r, got, "byte %d", at)
		require.Equal(t, key.Public(), signer)
	}
	require.Greater(t, refused, len(file)*9/10)
	for n := range file[:len(file)-1] {
		_, _, err := audit.OpenReport(file[:n])
		require.ErrorIs(t, err, audit.ErrReport)
	}
}
