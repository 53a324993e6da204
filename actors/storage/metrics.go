package storage

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are what is watched of a store.
type Metrics struct{ blocks prometheus.Counter }

// NewMetrics registers the metrics of a store. The registerer may be nil.
func NewMetrics(r prometheus.Registerer, s *Store) *Metrics {
	m := &Metrics{blocks: prometheus.NewCounter(prometheus.CounterOpts{Name: "concordat_storage_pruned_blocks_total",
		Help: "Blocks whose contents were pruned since the start."})}
	if r != nil {
		r.MustRegister(m.blocks,
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "concordat_storage_oldest_whole_block",
				Help: "Height of the oldest block whose transactions are here."}, func() float64 { return float64(s.Oldest()) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "concordat_storage_bytes",
				Help: "What the store takes on the disk."}, func() float64 { return float64(s.Bytes()) }))
	}
	return m
}

func (m *Metrics) pruned(blocks int) {
	if m != nil {
		m.blocks.Add(float64(blocks))
	}
}

// Bytes is what the store takes on the disk: Badger's files are longer than that.
func (s *Store) Bytes() (total int64) {
	_ = filepath.WalkDir(s.dir, func(_ string, d fs.DirEntry, err error) error { // what cannot be read counts nothing
		if errors.Is(err, fs.ErrNotExist) || err == nil && d.IsDir() {
			return nil // a table that a compaction has replaced
		}
		if err != nil {
			return err
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				total += st.Blocks * 512
			}
		}
		return nil
	})
	return total
}
