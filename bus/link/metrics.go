package link

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/concordat-ledger/concordat/bus"
)

type metrics struct {
	messages, bytes, dropped *prometheus.CounterVec
	up                       *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concordat_bus_messages_total",
			Help: "Messages exchanged with other members."}, []string{"peer", "class", "direction"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concordat_bus_bytes_total",
			Help: "Payload bytes exchanged with other members."}, []string{"peer", "class", "direction"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concordat_bus_dropped_total",
			Help: "Messages that went no further, by reason."}, []string{"peer", "class", "reason"}),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "concordat_bus_connected",
			Help: "1 when the connection to the peer stands."}, []string{"peer", "class"}),
	}
	if r != nil {
		r.MustRegister(m.messages, m.bytes, m.dropped, m.up)
	}
	return m
}

func (m *metrics) sent(p bus.MemberID, c bus.Class, n int) {
	m.messages.WithLabelValues(string(p), c.String(), "out").Inc()
	m.bytes.WithLabelValues(string(p), c.String(), "out").Add(float64(n))
}

func (m *metrics) received(p bus.MemberID, c bus.Class, n int) {
	m.messages.WithLabelValues(string(p), c.String(), "in").Inc()
	m.bytes.WithLabelValues(string(p), c.String(), "in").Add(float64(n))
}

func (m *metrics) drop(p bus.MemberID, c bus.Class, r bus.DropReason) {
	m.dropped.WithLabelValues(string(p), c.String(), string(r)).Inc()
}

func (m *metrics) connected(p bus.MemberID, c bus.Class, up bool) {
	v := 0.0
	if up {
		v = 1
	}
	m.up.WithLabelValues(string(p), c.String()).Set(v)
}
