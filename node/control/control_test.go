package control_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/node/control"
)

var errEarly = errors.New("no checkpoint is certified yet")

type early struct{}

func (early) Snapshot(context.Context) (*replica.Taking, error) { return nil, errEarly }

// Whoever has the answer may ask again at once: its turn is over.
func TestAnAnswerEndsTheTurn(t *testing.T) {
	home, done := t.TempDir(), make(chan struct{})
	defer close(done)
	require.NoError(t, control.Serve(home, early{}, done, slog.New(slog.DiscardHandler)))
	for range 500 {
		err := control.Ask(t.Context(), home, control.VerbSnapshot, nil)
		require.EqualError(t, err, errEarly.Error())
	}
}
