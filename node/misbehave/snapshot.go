//go:build misbehave

package misbehave

import (
	"slices"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/ledger"
)

// snapshotKind is honest in agreement and lies to replicas that join: every part of the
// state is altered, and so is what it says of commands.
const snapshotKind = "snapshot"

type lyingSnapshots struct{ catchup.Snapshots }

func lieToJoiners(honest catchup.Snapshots) catchup.Snapshots {
	return &lyingSnapshots{Snapshots: honest}
}

// Open gives a state of which all parts are wrong.
func (l *lyingSnapshots) Open(h ledger.Height) (catchup.State, error) {
	s, err := l.Snapshots.Open(h)
	return &lyingState{s}, err
}

// Whole gives each block with another past of commands.
func (l *lyingSnapshots) Whole(h ledger.Height) (*actorspb.AgreedBlock, error) {
	b, err := l.Snapshots.Whole(h)
	if err == nil {
		b.CommandsBefore = slices.Clone(b.GetCommandsBefore())
		b.CommandsBefore[0] ^= 1
	}
	return b, err
}

// Record gives a record with another value, to replicas that are damaged.
func (l *lyingSnapshots) Record(key []byte, h ledger.Height) ([]byte, bool, error) {
	raw, ok, err := l.Snapshots.Record(key, h)
	if err == nil && len(raw) > 0 {
		raw = slices.Clone(raw)
		raw[len(raw)-1] ^= 1
	}
	return raw, ok, err
}

type lyingState struct{ catchup.State }

func (s *lyingState) Part(index int, offset, most int64) ([]byte, int64, error) {
	raw, total, err := s.State.Part(index, offset, most)
	if err == nil && len(raw) > 0 {
		raw = slices.Clone(raw)
		raw[len(raw)-1] ^= 1
	}
	return raw, total, err
}
