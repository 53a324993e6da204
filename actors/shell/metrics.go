package shell

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	dropped  *prometheus.CounterVec
	failures *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "concordat_actor_dropped_messages_total",
			Help: "Messages dropped because a mailbox lane was full.",
		}, []string{"actor", "lane"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "concordat_actor_failures_total",
			Help: "Panics and failed starts of actors.",
		}, []string{"actor"}),
	}
	if r != nil {
		r.MustRegister(m.dropped, m.failures)
	}
	return m
}

func (m *metrics) drop(actor, lane string) { m.dropped.WithLabelValues(actor, lane).Inc() }
func (m *metrics) failure(actor string)    { m.failures.WithLabelValues(actor).Inc() }
