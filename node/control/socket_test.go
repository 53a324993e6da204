package control

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/replica"
)

// tired fails some times before it accepts.
type tired struct {
	net.Listener
	fails int
}

func (l *tired) Accept() (net.Conn, error) {
	if l.fails--; l.fails >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

type refusing struct{}

var errRefusing = errors.New("not now")

func (refusing) Snapshot(context.Context) (*replica.Taking, error) { return nil, errRefusing }

// A moment without open files does not end the socket; being closed does.
func TestTheSocketOutlivesAFailure(t *testing.T) {
	home := t.TempDir()
	l, err := listen(home)
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		accept(t.Context(), &tired{l, 4}, refusing{}, slog.New(slog.DiscardHandler))
	}()
	require.EqualError(t, Ask(t.Context(), home, VerbSnapshot, nil), errRefusing.Error())
	require.NoError(t, l.Close())
	<-ended

	done, stop := context.WithCancel(t.Context())
	stop()
	accept(done, &tired{l, 1 << 30}, refusing{}, slog.New(slog.DiscardHandler)) // it returns
}

// That a socket cannot be reached does not mean that no replica runs.
func TestOnlyASocketWithoutAnOwnerMeansThatNoneRuns(t *testing.T) {
	ask := func(home string) error { return Ask(t.Context(), home, VerbSnapshot, nil) }
	require.ErrorIs(t, ask(t.TempDir()), ErrNotRunning, "no socket")
	long := filepath.Join(t.TempDir(), strings.Repeat("long", 40))
	require.ErrorIs(t, ask(long), ErrNotRunning, "no folder")
	require.NoError(t, os.Mkdir(long, 0o700))
	l, err := listen(long)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.ErrorIs(t, ask(long), ErrNotRunning, "nobody listens")
	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, folder), nil, 0o600))
	err = ask(other)
	require.NotErrorIs(t, err, ErrNotRunning)
	require.ErrorContains(t, err, "reach the replica of this folder")
}
