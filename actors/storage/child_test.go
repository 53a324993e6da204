package storage_test

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
)

// childDir names the folder in which a re-executed test binary writes blocks.
const childDir = "CONCORDAT_STORAGE_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" && os.Getenv(childPrunes) != "" {
		fmt.Fprintln(os.Stderr, pruneForEver(dir))
		os.Exit(1)
	} else if dir != "" {
		fmt.Fprintln(os.Stderr, writeForEver(dir))
		os.Exit(1)
	}
	flag.Parse()
	if testing.Short() { // the race detector needs few cases
		if err := flag.Set("rapid.checks", "30"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func childOptions() storage.Options {
	return storage.Options{Ledger: ledger.ID{1}, MemTableBytes: 8 << 20, Sync: true, FreeBytesMin: 1}
}

// chained is the block that the child writes at a height. Every third takes
// several of Badger's transactions.
func chained(h ledger.Height) *storage.BlockCommit {
	b := block(h, 50)
	if h%3 == 0 {
		b.Txs[7] = noise(module, uint64(h))
		b.Changes = append(b.Changes, moduleChanges(2*module, 1)...)
	}
	b.Changes = append(b.Changes, storage.Change{Key: []byte("height"), Value: fmt.Append(nil, h)})
	return b
}

// writeForEver prints the height of each block when it begins and when it is
// acknowledged.
func writeForEver(dir string) error {
	s, err := storage.Open(dir, childOptions())
	for err == nil {
		h, _ := s.Tip()
		b := chained(h + 1)
		fmt.Println("begin", b.Height)
		if err = s.Commit(b); err == nil {
			fmt.Println("acked", b.Height)
		}
	}
	return err
}

// child runs the writer until it ends, and calls on for each height that it begins
// or has acknowledged. It returns the last acknowledged height.
func child(t *testing.T, dir string, on func(writer *os.Process, h ledger.Height, acked bool)) (acked ledger.Height, end error) {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var what string
		var h ledger.Height
		if n, _ := fmt.Sscanf(lines.Text()+"\n", "%s %d\n", &what, &h); n < 2 {
			continue // a line that death cut
		}
		if what == "acked" {
			acked = h
		}
		on(cmd.Process, h, what == "acked")
	}
	end = cmd.Wait()
	first, _, _ := strings.Cut(said.String(), "\n")
	t.Logf("the writer ended after block %d: %v %s", acked, end, first)
	return acked, end
}

// requireChain checks everything up to the tip, and that nothing shows above it.
func requireChain(t *testing.T, s *storage.Store, acked ledger.Height) {
	t.Helper()
	tip, hash := s.Tip()
	require.GreaterOrEqual(t, tip, acked, "an acknowledged block is lost")
	require.LessOrEqual(t, tip, acked+1)
	if tip == 0 {
		return
	}
	require.Equal(t, chained(tip).BlockHash, hash)
	for h := max(1, tip-min(tip, 8)); h <= tip; h++ {
		want := chained(h)
		requireBlock(t, s, want)
		v, _, err := s.Get([]byte("height"), h)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(h), string(v))
	}
	next := chained(tip + 1)
	_, found, err := s.LocateBlock(next.BlockHash)
	require.NoError(t, err)
	require.False(t, found)
	for _, id := range next.TxIDs {
		_, _, found, err := s.LocateTx(id)
		require.NoError(t, err)
		require.False(t, found)
		_, found, err = s.LocateCommand(id)
		require.NoError(t, err)
		require.False(t, found)
	}
}

func TestKilledWhileWritingLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	opt := childOptions()
	opt.Logger = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn}))
	above, tip := 0, ledger.Height(0)
	rounds := ledger.Height(12)
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		killed := false
		acked, end := child(t, dir, func(writer *os.Process, h ledger.Height, acked bool) {
			large := h%3 == 0 && !acked && h > tip+round%4
			if killed || round%3 == 0 && h <= tip+round || round%3 != 0 && !large {
				return // each third round: after any line
			}
			if large {
				time.Sleep(time.Duration(round) * 3 * time.Millisecond) // into the writing
			}
			killed = true
			require.NoError(t, writer.Kill())
		})
		var exit *exec.ExitError
		require.True(t, errors.As(end, &exit) && !exit.Exited(), "it was killed: %v", end)
		acked = max(acked, tip)
		s, err := storage.Open(dir, opt)
		require.NoError(t, err)
		requireChain(t, s, acked)
		if tip, _ = s.Tip(); tip > acked {
			above++
		}
		require.NoError(t, s.Close())
	}
	t.Logf("of 12 stores %d held a block more than was acknowledged, %d a part of one", above, strings.Count(said.String(), "taken back"))
}
