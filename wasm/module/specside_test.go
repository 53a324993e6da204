package module_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/concordat-ledger/concordat/wasm/module"
)

// side is one engine with the modules of a script.
type side struct {
	rt      wazero.Runtime
	current api.Module
	named   map[string]api.Module
	all     []api.Module
	calls   int
	gas     uint64 // a hash of what each call cost
	slots   int32  // what the last call left of the stack
}

// newSide offers the functions that the specification's tests import.
func newSide(t *testing.T, cfg wazero.RuntimeConfig, spectest []byte) *side {
	t.Helper()
	ctx := context.Background()
	s := &side{rt: wazero.NewRuntimeWithConfig(ctx, cfg.WithCoreFeatures(api.CoreFeaturesV2)), named: map[string]api.Module{}}
	_, err := s.rt.InstantiateWithConfig(ctx, spectest, wazero.NewModuleConfig())
	require.NoError(t, err)
	return s
}

func (s *side) forget(name string) {
	s.current = nil
	delete(s.named, name)
}

func (s *side) instantiate(code []byte, as, name string) error {
	m, err := s.rt.InstantiateWithConfig(context.Background(), code, wazero.NewModuleConfig().WithName(as).WithStartFunctions())
	if err != nil {
		return err
	}
	s.current, s.all = m, append(s.all, m)
	if name != "" {
		s.named[name] = m
	}
	return nil
}

// module is the named one, or the current.
func (s *side) module(name string) api.Module {
	if name != "" {
		return s.named[name]
	}
	return s.current
}

// call calls a rewritten module's function with gas in all modules, for one may
// call another.
func (s *side) call(of, function string, args []uint64) ([]uint64, error) {
	m := s.module(of)
	for _, other := range s.all {
		refuel(other)
	}
	refuel(m)
	out, err := m.ExportedFunction(function).Call(context.Background(), args...)
	gas, slots := spent(m)
	s.calls++
	s.gas = s.gas*31 + gas
	s.slots = module.StackSlots - slots
	return out, err
}
