package replica

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// register shows how the store is.
func (m *mender) register(to prometheus.Registerer) error {
	if to == nil {
		return nil
	}
	figures := []struct {
		name, help string
		value      func() float64
	}{
		{"concordat_store_damage_found", "Pieces of the store found damaged since the start.", func() float64 { found, _ := m.r.store.DamageCounts(); return float64(found) }},
		{"concordat_store_damage_repaired", "Pieces of the store repaired since the start.", func() float64 { _, mended := m.r.store.DamageCounts(); return float64(mended) }},
		{"concordat_store_damage_open", "Pieces of the store that are damaged and not repaired yet.", func() float64 { open, _ := m.r.store.Damage(); return float64(len(open)) }},
		{"concordat_store_damage_left", "Pieces of the store that are damaged and cannot be repaired, as nobody has them.", func() float64 { return float64(len(m.r.store.Abandoned())) }},
		{"concordat_store_damage_beyond_repair", "1 while a new store is fetched because this one is too damaged.", func() float64 {
			if m.givenUp() != "" {
				return 1
			}
			return 0
		}},
		{"concordat_store_scrub_passes", "Times that the whole store was read through since the start.", func() float64 { return float64(m.progress().passes) }},
		{"concordat_store_scrub_bytes", "Bytes read in the pass under way.", func() float64 { return float64(m.progress().read) }},
		{"concordat_store_scrub_last_pass_seconds", "When the last pass ended, in seconds since 1970; 0: none has.", func() float64 {
			if p := m.progress(); p.passes > 0 {
				return float64(p.passed.Unix())
			}
			return 0
		}},
	}
	for _, f := range figures {
		if err := to.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: f.name, Help: f.help}, f.value)); err != nil {
			return fmt.Errorf("register metrics of the store: %w", err)
		}
	}
	return nil
}
