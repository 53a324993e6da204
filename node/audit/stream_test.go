package audit_test

import (
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/ledger/verify/sample"
	"github.com/concordat-ledger/concordat/node/audit"
)

// stream makes its blocks while they are read, so that only what the check keeps is in
// memory. One block of 64 is certified.
type stream struct {
	*sample.Ledger
	rules  *chain.Rules
	height ledger.Height
	last   ledger.Height
}

func newStream(t testing.TB, blocks ledger.Height) *stream {
	l, err := sample.New(rand.New(rand.NewSource(1)), certificate.SchemeEd25519)
	require.NoError(t, err)
	rules, err := chain.NewRules(l.Genesis)
	require.NoError(t, err)
	return &stream{Ledger: l, rules: rules, last: blocks}
}

func (s *stream) Kind() string { return "stream" }

func (s *stream) Begin() (ledger.Height, ledger.Hash) { return 1, ledger.Hash{} }

func (s *stream) Next() (*audit.Block, error) {
	if s.height == s.last {
		return nil, io.EOF
	}
	s.height++
	b, err := s.Ledger.Next(1, s.height%64 == 0 || s.height == s.last)
	if err != nil {
		return nil, err
	}
	return &audit.Block{Block: b.Block, At: audit.Position{Height: s.height}}, nil
}

func (s *stream) Again(audit.Position) (*audit.Block, error) { return nil, io.ErrUnexpectedEOF }

func (s *stream) State() (ledger.Height, chain.Record, error) {
	records := s.Records()
	return s.height, func() (key, record []byte, ok bool, err error) {
		if len(records) == 0 {
			return nil, nil, false, nil
		}
		p := records[0]
		records = records[1:]
		return p.Key, p.Value, true, nil
	}, nil
}

func (s *stream) Finish(*chain.Summary) error { return nil }

func (s *stream) Done() (done, total uint64) { return uint64(s.height), uint64(s.last) }

func (s *stream) Close() error { return nil }

// cpu is the time that this process has had a core: on a machine that others use, too,
// it says more than the clock.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkVerify checks an export of 100,000 transactions in blocks of 500, and one of
// 2,000 blocks of one, and tells transactions a second and the largest heap that was seen.
func BenchmarkVerify(b *testing.B) {
	b.Run("txs=500", func(b *testing.B) { benchmarkVerify(b, 200, 500) })
	b.Run("txs=1", func(b *testing.B) { benchmarkVerify(b, 2000, 1) })
}

func benchmarkVerify(b *testing.B, blocks, txs int) {
	m := makeLedger(b, blocks, txs, always)
	path := filepath.Join(b.TempDir(), "export")
	raw := m.exported(b)
	require.NoError(b, os.WriteFile(path, raw, 0o600))
	size, rules := len(raw), m.rules
	m, raw = nil, nil // they would be most of the heap
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			runtime.GC()
			var peak uint64
			last, before := time.Now(), cpu(b)
			txs := uint64(0)
			for b.Loop() {
				file, err := os.Open(path) // #nosec G304 -- ours
				require.NoError(b, err)
				src, err := audit.OpenExport(file, rules)
				require.NoError(b, err)
				s, err := audit.Verify(b.Context(), rules, src, audit.Options{Workers: workers, Progress: func(audit.Progress) {
					if now := time.Now(); now.Sub(last) > 20*time.Millisecond {
						last = now
						var stats runtime.MemStats
						runtime.ReadMemStats(&stats)
						peak = max(peak, stats.HeapAlloc)
					}
				}})
				require.NoError(b, err)
				require.NoError(b, src.Close())
				txs += s.Counts.Transactions
			}
			b.ReportMetric(float64(txs)/b.Elapsed().Seconds(), "tx/s")
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(txs), "cpu-µs/tx")
			b.ReportMetric(float64(peak)/(1<<20), "peak-heap-MiB")
			b.ReportMetric(float64(size)/(1<<20), "export-MiB")
		})
	}
}
