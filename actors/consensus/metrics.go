package consensus

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/shell"
)

// Metrics counts what the machines report, and holds what a status shows.
type Metrics struct {
	reports   *prometheus.CounterVec
	seconds   prometheus.Histogram
	committed prometheus.Gauge
	Fast      atomic.Uint64 // slots committed by σ since the start
	Slow      atomic.Uint64
	Committed atomic.Uint64 // height agreed here
	View      atomic.Uint64
	Active    atomic.Bool   // the view is in force here
	Stable    atomic.Uint64 // the highest certified checkpoint
	Changes   atomic.Uint64 // views entered since the start
	Path      atomic.Uint32 // which path this replica would try first
	Divergent atomic.Uint64 // heights whose certified outcome differs from ours
}

// NewMetrics registers the consensus metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concordat_consensus_reports_total",
			Help: "Observations of the ordering machine."}, []string{"kind"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "concordat_consensus_commit_seconds",
			Help: "From accepting a proposal to its commit certificate.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}),
		committed: prometheus.NewGauge(prometheus.GaugeOpts{Name: "concordat_consensus_committed_height",
			Help: "Height up to which every slot is agreed here."}),
	}
	if r != nil {
		r.MustRegister(m.reports, m.seconds, m.committed)
	}
	return m
}

var reportNames = map[sbft.ReportKind]string{
	sbft.ReportEquivocation: "equivocation", sbft.ReportBadShare: "bad_share", sbft.ReportCommittedFast: "committed_fast",
	sbft.ReportCommittedSlow: "committed_slow", sbft.ReportFallback: "fallback", sbft.ReportPathChanged: "path_changed",
	sbft.ReportOutsideWindow: "outside_window", sbft.ReportWrongView: "wrong_view", sbft.ReportNotPrimary: "not_primary",
	sbft.ReportConflictingVote: "conflicting_vote", sbft.ReportBadTime: "bad_time", sbft.ReportComplaint: "complaint",
	sbft.ReportMoved: "view_left", sbft.ReportEntered: "view_entered", sbft.ReportStable: "checkpoint", sbft.ReportViolation: "violation",
}

func (m *Metrics) observe(c *shell.Context, reports []sbft.Report) {
	for _, r := range reports {
		if r.Kind == sbft.ReportRule {
			continue // for simulations
		}
		m.reports.WithLabelValues(reportNames[r.Kind]).Inc()
		switch r.Kind {
		case sbft.ReportCommittedFast:
			m.Fast.Add(1)
		case sbft.ReportCommittedSlow:
			m.Slow.Add(1)
		case sbft.ReportPathChanged:
			c.Logger().Info("the primary changes the path it tries first", "path", r.Path.String(), "slot", r.Seq)
		case sbft.ReportComplaint:
			c.Logger().Warn("a replica wants another primary", "replica", r.Replica, "view", r.View)
		case sbft.ReportMoved:
			c.Logger().Info("this replica leaves its view; f+1 replicas complained about the primary", "to_view", r.View)
		case sbft.ReportEntered:
			m.Changes.Add(1)
			c.Logger().Info("a new view is in force", "view", r.View)
		case sbft.ReportEquivocation, sbft.ReportBadShare, sbft.ReportConflictingVote:
			c.Logger().Warn("a replica breaks the protocol", "kind", reportNames[r.Kind], "replica", r.Replica, "slot", r.Seq)
		}
		if r.Took > 0 {
			m.seconds.Observe(float64(r.Took) / 1e9)
		}
	}
}

func (m *Metrics) machine(s *sbft.Machine) {
	m.Committed.Store(uint64(s.Committed()))
	m.View.Store(uint64(s.View()))
	m.Active.Store(s.Active())
	m.Stable.Store(uint64(s.Stable().Seq))
	m.Path.Store(uint32(s.PathNow()))
	m.committed.Set(float64(s.Committed()))
}
