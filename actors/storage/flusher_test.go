package storage_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
	"github.com/concordat-ledger/concordat/ledger/state/tree"
)

// listener tells of each message that it gets.
type listener struct{ heard chan any }

func (listener) Start(*shell.Context) error          { return nil }
func (listener) Stop()                               {}
func (l listener) Receive(_ *shell.Context, msg any) { l.heard <- msg }

// A ledger that is started again before it has changed much has its tree flushed all the
// same: otherwise each start would apply more.
func TestTheFirstBlockAfterAStartFlushesTheTree(t *testing.T) {
	dir := t.TempDir()
	for h := ledger.Height(1); h <= 3; h++ {
		store, err := storage.Open(dir, treeOptions)
		require.NoError(t, err)
		before, err := store.Tree(h - 1)
		require.NoError(t, err)
		system, err := shell.NewSystem(shell.Config{Name: "test"})
		require.NoError(t, err)
		heard := make(chan any, 8)
		listens, err := system.Spawn(shell.Spec{Name: "listener", New: func() shell.Behaviour { return listener{heard} }})
		require.NoError(t, err)
		writer, err := system.Spawn(storage.NewActor(&storage.ActorConfig{Store: store, Tell: []shell.PID{listens}}))
		require.NoError(t, err)

		b := &actorspb.ExecutedBlock{Header: ledger.Header{Height: h}, Hash: ledger.Hash{byte(h)}, Body: &ledger.Body{}}
		key, record := []byte{'k', byte(h)}, state.EncodeRecord(nil, state.Provenance{Height: h}, []byte("v"))
		set, err := tree.Set(key, record)
		require.NoError(t, err)
		b.Changes, b.Places = []state.Change{{Key: key, Value: record}}, [][]byte{set.Key}
		b.Tree, err = before.Apply([]tree.Change{set})
		require.NoError(t, err)
		system.Tell(writer, actorspb.Executed{Block: b})
		require.Equal(t, actorspb.Persisted{Height: h}, <-heard)

		require.NoError(t, system.Stop(10*time.Second)) // it ends with the flush under way
		flushed, err := store.Flushed()
		require.NoError(t, err)
		require.Equal(t, h, flushed)
		require.NoError(t, store.Close())
	}
}
