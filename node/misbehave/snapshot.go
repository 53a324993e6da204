//go:build misbehave

package misbehave

import (
	"context"
	"slices"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// snapshotKind is honest in agreement and lies to replicas that join: every part of the
// state is altered, and so is what it says of commands.
const snapshotKind = "snapshot"

type lyingSnapshots struct{ catchup.Snapshots }

func lieToJoiners(honest catchup.Snapshots) catchup.Snapshots {
	return &lyingSnapshots{Snapshots: honest}
}

// Write gives a file of which all parts are wrong.
func (l *lyingSnapshots) Write(ctx context.Context, h ledger.Height) (catchup.StateFile, error) {
	f, err := l.Snapshots.Write(ctx, h)
	return &lyingFile{f}, err
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

type lyingFile struct{ catchup.StateFile }

func (f *lyingFile) Cut() (int, []state.Part) { return f.StateFile.Cut() }

func (f *lyingFile) Part(index int, offset, most int64) ([]byte, int64, error) {
	raw, total, err := f.StateFile.Part(index, offset, most)
	if err == nil && len(raw) > 0 {
		raw[len(raw)-1] ^= 1
	}
	return raw, total, err
}
