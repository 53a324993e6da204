package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/ledger"
)

// Verb is what is asked for.
type Verb string

// The verbs.
const (
	VerbSnapshot Verb = "snapshot"
	VerbBackup   Verb = "backup" // a snapshot, and the blocks since
)

const version = "1"

const (
	requestTimeout = 5 * time.Second
	frameTimeout   = time.Minute // a piece that is not taken for so long ends it
	serveTimeout   = time.Hour
	openTimeout    = 30 * time.Second
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// Source is what gives snapshots.
type Source interface {
	Snapshot(ctx context.Context) (*replica.Taking, error)
}

// Serve answers the operator of a running replica until it is done.
func Serve(home string, from Source, done <-chan struct{}, logger *slog.Logger) error {
	l, err := listen(home)
	if err != nil {
		return fmt.Errorf("listen for the operator: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-done
		cancel()
		_ = l.Close() // nobody is there to be told
	}()
	go accept(ctx, l, from, logger)
	return nil
}

// accept answers whoever asks until the socket is closed. What goes wrong meanwhile, such as
// too many open files, passes: it tries again, ever more slowly.
func accept(ctx context.Context, l net.Listener, from Source, logger *slog.Logger) {
	turn := make(chan struct{}, 1)
	pause := acceptPauseMin
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			pause = acceptPauseMin
			answer(ctx, c, from, turn, logger)
			continue
		case ctx.Err() != nil:
			return
		case errors.Is(err, net.ErrClosed):
			logger.Warn("the operator's socket is closed; snapshots need a restart, or a stop", "error", err)
			return
		case pause == acceptPauseMin: // once for all of them
			logger.Warn("the operator's socket accepts nobody; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, acceptPauseMax)
	}
}

// answer reads the request, and goes on beside if nothing else is served.
func answer(ctx context.Context, c net.Conn, from Source, turn chan struct{}, logger *slog.Logger) {
	_ = c.SetDeadline(time.Now().Add(requestTimeout)) // a socket has deadlines
	line, err := bufio.NewReader(io.LimitReader(c, 64)).ReadString('\n')
	verb := Verb(strings.TrimSuffix(line, " "+version+"\n"))
	out := bufio.NewWriter(c)
	refuse := func(text string) {
		_ = writeFrame(out, frameError, "", []byte(text)) // whoever asked may be gone
		_ = c.Close()
	}
	if err != nil || verb != VerbSnapshot && verb != VerbBackup {
		refuse("this replica does not know the request; is it of another version than the command?")
		return
	}
	select {
	case turn <- struct{}{}:
	default:
		refuse("a snapshot is being taken already: try again when it is done")
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(ctx, serveTimeout)
		defer cancel()
		err := give(ctx, c, out, verb, from)
		<-turn                                                 // before the last word: whoever has that may ask again at once
		_ = c.SetWriteDeadline(time.Now().Add(requestTimeout)) // see above
		var gone *net.OpError
		switch {
		case errors.As(err, &gone): // whoever asked has what it needs, or was stopped
			_ = c.Close()
		case err != nil:
			logger.Warn("a snapshot could not be given to the operator", "error", err)
			refuse(err.Error())
		default:
			_ = writeFrame(out, frameEnd, "", nil) // see refuse
			_ = c.Close()
		}
	}()
}

func give(ctx context.Context, c net.Conn, out *bufio.Writer, verb Verb, from Source) error {
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	t, err := from.Snapshot(opening)
	if err != nil {
		return err
	}
	defer func() { _ = t.Close() }() // it only lets go
	put := func(name string, raw []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.SetWriteDeadline(time.Now().Add(frameTimeout)); err != nil {
			return err
		}
		return writeFrame(out, framePiece, name, raw)
	}
	return All(t, verb, put)
}

// All gives what a verb asks for.
func All(t *replica.Taking, verb Verb, put func(name string, raw []byte) error) error {
	if err := t.Each(put); err != nil || verb != VerbBackup {
		return err
	}
	return t.Since(func(h ledger.Height, raw []byte) error { return put(BlockName(h), raw) })
}

// BlockName is what a block since the snapshot is called.
func BlockName(h ledger.Height) string { return fmt.Sprintf("%s%012d", BlocksPrefix, h) }

// BlocksPrefix begins the names of blocks since the snapshot.
const BlocksPrefix = "blocks/"

// Ask gives the pieces that the replica of a folder answers with. ErrNotRunning: there
// is none, or it is too old to have a socket.
func Ask(ctx context.Context, home string, verb Verb, put func(name string, raw []byte) error) error {
	c, err := dial(home)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // only read
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if _, err := fmt.Fprintf(c, "%s %s\n", verb, version); err != nil {
		return fmt.Errorf("ask the replica: %w", err)
	}
	for r := bufio.NewReaderSize(c, 1<<16); ; {
		kind, name, raw, err := readFrame(r)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("ask the replica: %w", err)
		case kind == frameEnd:
			return nil
		case kind == frameError:
			return errors.New(string(raw))
		}
		if err := put(name, raw); err != nil {
			return err
		}
	}
}
