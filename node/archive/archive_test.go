package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/config"
	"github.com/concordat-ledger/concordat/node/control"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// bench is the folder of a replica that is stopped, and what it answered while it ran.
type bench struct {
	*config.Folder
	snapshot, backup []piece
}

type piece struct {
	name string
	raw  []byte
}

func stream(pieces []piece) Stream {
	return func(put func(name string, raw []byte) error) error {
		for _, p := range pieces {
			if err := put(p.name, p.raw); err != nil {
				return err
			}
		}
		return nil
	}
}

// newBench runs a ledger of one replica for some blocks.
func newBench(t *testing.T) *bench {
	n, err := devnet.Create(devnet.Options{Dir: benchDir, ClientNodes: 1})
	require.NoError(t, err)
	local, err := devnet.StartLocal(context.Background(), n, false, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	defer func() { require.NoError(t, local.Stop(ctx)) }()
	c, err := devnet.WaitReady(ctx, n, n.URLs[0])
	require.NoError(t, err)
	defer c.Close()
	key, err := n.Key("alice@org0")
	require.NoError(t, err)
	for i := range 21 {
		_, err := c.Submit(ctx, client.Signer{Party: "alice@org0", Key: key}.Sign(n.ID, client.Call{Contract: "concordat", Method: "note", Args: fmt.Append(nil, i)}))
		require.NoError(t, err)
	}
	b := &bench{}
	b.Folder, err = config.Load(n.Replicas[0])
	require.NoError(t, err)
	for verb, to := range map[control.Verb]*[]piece{control.VerbSnapshot: &b.snapshot, control.VerbBackup: &b.backup} {
		for len(*to) == 0 { // the checkpoint is certified a moment after its block
			err := control.Ask(ctx, b.Dir, verb, func(name string, raw []byte) error {
				*to = append(*to, piece{name, raw})
				return nil
			})
			if err != nil {
				require.ErrorContains(t, err, "no checkpoint is certified yet")
				*to = nil
			}
		}
	}
	return b
}

// benchDir outlives the test that makes the bench.
var benchDir string

func TestMain(m *testing.M) {
	var err error
	if benchDir, err = os.MkdirTemp("", "concordat-archive-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(benchDir) // in the temporary folder
	os.Exit(code)
}

// theBench is made once.
var theBench struct {
	sync.Once
	*bench
}

func benchOf(t *testing.T) *bench {
	theBench.Do(func() { theBench.bench = newBench(t) })
	require.NotNil(t, theBench.bench)
	return theBench.bench
}

func (b *bench) write(t *testing.T, dir string, tar bool) string {
	s, fresh, err := WriteSnapshot(t.Context(), dir, b.Genesis, tar, stream(b.snapshot), nil)
	require.NoError(t, err)
	require.True(t, fresh)
	got, err := VerifySnapshot(t.Context(), s.Path, b.Genesis, nil)
	require.NoError(t, err)
	require.True(t, got.Certified && got.Verified && got.Records > 0)
	require.Equal(t, s.Height, got.Height)
	return s.Path
}

func damageOf(t *testing.T, err error, what string) *DamageError {
	t.Helper()
	var d *DamageError
	require.ErrorAs(t, err, &d, what)
	return d
}

// positions of a file to be damaged: all kinds, other ones each time.
func positions(t *testing.T, size int) []int {
	seed := time.Now().UnixNano()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewSource(seed))
	out := []int{0, size - 1}
	for range 40 {
		out = append(out, rnd.Intn(size))
	}
	return out
}

func flip(t *testing.T, path string, at int, check func()) {
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	raw[at] ^= 1 << (at % 8)
	require.NoError(t, os.WriteFile(path, raw, 0o600))
	check()
	raw[at] ^= 1 << (at % 8)
	require.NoError(t, os.WriteFile(path, raw, 0o600))
}

func TestAnyByteOfAnyFileIsChecked(t *testing.T) {
	b := benchOf(t)
	path := b.write(t, t.TempDir(), false)
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(entries), 6)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		for _, at := range positions(t, int(info.Size())) {
			flip(t, filepath.Join(path, e.Name()), at, func() {
				_, err := VerifySnapshot(t.Context(), path, b.Genesis, nil)
				d := damageOf(t, err, fmt.Sprintf("byte %d of %s", at, e.Name()))
				require.Equal(t, e.Name(), d.Piece, "byte %d", at)
			})
		}
	}
	_, err = VerifySnapshot(t.Context(), path, b.Genesis, nil)
	require.NoError(t, err)
}

func TestAnyByteOfATarFileIsChecked(t *testing.T) {
	b := benchOf(t)
	path := b.write(t, t.TempDir(), true)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	file, err := os.Open(path)
	require.NoError(t, err)
	_, where, err := tarIndex(file, int64(len(raw)))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	inside := func(at int64) string {
		for name, s := range where {
			if at >= s.offset && at < s.offset+s.size {
				return strings.TrimPrefix(name, "snapshot/")
			}
		}
		return ""
	}
	all := positions(t, len(raw))
	for at := range tarBlock { // a whole header
		all = append(all, at)
	}
	for range 3 {
		all = append(all, positions(t, len(raw))...)
	}
	for _, at := range all {
		flip(t, path, at, func() {
			_, err := VerifySnapshot(t.Context(), path, b.Genesis, nil)
			require.Equal(t, inside(int64(at)), damageOf(t, err, fmt.Sprint("byte ", at)).Piece, "byte %d", at)
		})
	}
	for _, n := range []int{0, 1, tarBlock, len(raw) / 2, len(raw) - 1} {
		require.NoError(t, os.WriteFile(path, raw[:n], 0o600))
		_, err := VerifySnapshot(t.Context(), path, b.Genesis, nil)
		damageOf(t, err, fmt.Sprint("cut after ", n))
	}
	require.NoError(t, os.WriteFile(path, append(raw, 0), 0o600))
	_, err = VerifySnapshot(t.Context(), path, b.Genesis, nil)
	damageOf(t, err, "a byte more")
}

// Whoever changes a piece can write its digest anew; what the members signed stays.
func TestAForgedPieceIsRefusedWithGenesisAlone(t *testing.T) {
	b := benchOf(t)
	for i, p := range b.snapshot {
		for _, at := range []int{len(p.raw) / 3, len(p.raw) - 1} {
			forged := append([]piece{}, b.snapshot...)
			raw := append([]byte{}, p.raw...)
			raw[at] ^= 1
			forged[i] = piece{p.name, raw}
			s, _, err := WriteSnapshot(t.Context(), t.TempDir(), b.Genesis, false, stream(forged), nil)
			if i == 0 && err != nil {
				continue // a manifest that cannot even be read
			}
			require.NoError(t, err)
			_, err = VerifySnapshot(t.Context(), s.Path, b.Genesis, nil)
			want := p.name
			if i == 0 {
				want = manifestFile
			}
			require.Equal(t, want, damageOf(t, err, p.name).Piece)
		}
	}
	// A piece is left out, one is added, and one stands under another's name.
	for _, forged := range [][]piece{b.snapshot[:len(b.snapshot)-1], append(b.snapshot[:len(b.snapshot):len(b.snapshot)], piece{"state-77777", []byte("x")})} {
		s, _, err := WriteSnapshot(t.Context(), t.TempDir(), b.Genesis, false, stream(forged), nil)
		require.NoError(t, err)
		_, err = VerifySnapshot(t.Context(), s.Path, b.Genesis, nil)
		require.Contains(t, damageOf(t, err, "pieces").Piece, "state-")
	}
}

func TestMissingAndForeignFilesAreNamed(t *testing.T) {
	b := benchOf(t)
	path := b.write(t, t.TempDir(), false)
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	for _, e := range entries {
		file := filepath.Join(path, e.Name())
		require.NoError(t, os.Rename(file, path+".aside"))
		_, err := VerifySnapshot(t.Context(), path, b.Genesis, nil)
		require.Equal(t, e.Name(), damageOf(t, err, e.Name()).Piece)
		require.NoError(t, os.Rename(path+".aside", file))
	}
	require.NoError(t, os.WriteFile(filepath.Join(path, "more"), nil, 0o600))
	_, err = VerifySnapshot(t.Context(), path, b.Genesis, nil)
	require.Equal(t, "more", damageOf(t, err, "more").Piece)
	require.NoError(t, os.Remove(filepath.Join(path, "more")))

	other, err := devnet.Create(devnet.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	_, err = VerifySnapshot(t.Context(), path, other.Raw, nil)
	require.Equal(t, config.GenesisFile, damageOf(t, err, "another ledger").Piece)
	_, err = OpenBackup(t.Context(), path, nil, nil, true, nil)
	require.ErrorContains(t, damageOf(t, err, "kind"), "it is a snapshot")
}

// Whatever piece is the last before an interruption: there is no snapshot, and the next
// one is whole.
func TestAnInterruptedCreateLeavesNothingHalf(t *testing.T) {
	b := benchOf(t)
	stop := errors.New("stop")
	for _, tar := range []bool{false, true} {
		dir := t.TempDir()
		for k := range b.snapshot {
			_, _, err := WriteSnapshot(t.Context(), dir, b.Genesis, tar, func(put func(string, []byte) error) error {
				return errors.Join(stream(b.snapshot[:k])(put), stop)
			}, nil)
			require.ErrorIs(t, err, stop)
			ctx, cancel := context.WithCancel(t.Context())
			_, _, err = WriteSnapshot(ctx, dir, b.Genesis, tar, stream(b.snapshot), func(done, _ int) {
				if done == k+1 {
					cancel()
				}
			})
			if k+1 < len(b.snapshot) {
				require.ErrorIs(t, err, context.Canceled)
				left, err := filepath.Glob(filepath.Join(dir, "snapshot*"))
				require.NoError(t, err)
				require.Empty(t, left)
			} else {
				require.NoError(t, err) // the last piece was there
				require.NoError(t, DeleteSnapshot(filepath.Join(dir, SnapshotName(16, tar))))
			}
			cancel()
		}
		// A crash leaves the half; it is no snapshot, and goes with the next one.
		half := filepath.Join(dir, "snapshot-000000000007"+partSuffix)
		require.NoError(t, os.Mkdir(half, 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(half, manifestFile), []byte("half"), 0o600))
		list, err := ListSnapshots(t.Context(), dir, b.Genesis, true)
		require.NoError(t, err)
		require.Empty(t, list)
		b.write(t, dir, tar)
		_, err = os.Stat(half)
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
}

func TestSnapshotsAreListedKeptAndDeleted(t *testing.T) {
	b := benchOf(t)
	dir := t.TempDir()
	path := b.write(t, dir, false)
	again, fresh, err := WriteSnapshot(t.Context(), dir, b.Genesis, false, stream(b.snapshot), nil)
	require.NoError(t, err)
	require.False(t, fresh)
	require.Equal(t, path, again.Path)
	older := filepath.Join(dir, SnapshotName(3, false))
	require.NoError(t, os.CopyFS(older, os.DirFS(path)))
	require.NoError(t, os.Remove(filepath.Join(older, "block")))
	list, err := ListSnapshots(t.Context(), dir, b.Genesis, true)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.True(t, list[1].Certified && list[1].Verified)
	require.False(t, list[0].Verified)
	require.Contains(t, list[0].Problem, "block")
	gone, err := KeepSnapshots(t.Context(), dir, b.Genesis, 1, path)
	require.NoError(t, err)
	require.Empty(t, gone, "what is damaged is not counted, and looked after by people")
	require.NoError(t, DeleteSnapshot(older+"/"), "a slash behind its name changes nothing")
	require.NoDirExists(t, older)
	require.Error(t, DeleteSnapshot(older))
	require.Error(t, DeleteSnapshot(dir), "only what is called like a snapshot")
	require.NoError(t, DeleteSnapshot(path))
	list, err = ListSnapshots(t.Context(), dir, b.Genesis, false)
	require.NoError(t, err)
	require.Empty(t, list)
}

// Only whole snapshots of the ledger are counted and deleted, and never the newest writing,
// whatever else is in the folder and however the folder is called.
func TestKeepingDeletesNothingElse(t *testing.T) {
	b := benchOf(t)
	dir := filepath.Join(t.TempDir(), "with [brackets")
	path := b.write(t, dir, false)
	copied := func(h ledger.Height) string {
		to := filepath.Join(dir, SnapshotName(h, false))
		require.NoError(t, os.CopyFS(to, os.DirFS(path)))
		return to
	}
	higher, lower := copied(77), copied(3)
	foreign := filepath.Join(dir, SnapshotName(5, true))
	others := []string{foreign}
	for _, name := range []string{"snapshot-notes-2026", "snapshot-0", "snapshot-of-the-disk-1", "snapshot-000000000001.tar.gz9", "snapshot-mine.part"} {
		others = append(others, filepath.Join(dir, name))
	}
	for _, other := range others {
		require.NoError(t, os.WriteFile(other, []byte("not ours"), 0o600))
	}
	list, err := ListSnapshots(t.Context(), dir, b.Genesis, false)
	require.NoError(t, err)
	require.Len(t, list, 4)
	gone, err := KeepSnapshots(t.Context(), dir, b.Genesis, 1, lower+"/")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{path, higher}, gone)
	require.DirExists(t, lower, "it is the one that was just written")
	_, _, err = WriteSnapshot(t.Context(), dir, b.Genesis, false, stream(b.snapshot), nil)
	require.NoError(t, err)
	for _, other := range others {
		require.FileExists(t, other)
		if other != foreign {
			require.ErrorContains(t, DeleteSnapshot(other), "not called like a snapshot")
		}
	}
	_, err = ListSnapshots(t.Context(), filepath.Join(dir, "missing"), b.Genesis, false)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A link to an archive is as good as the archive.
func TestAnArchiveMayBeNamedByALink(t *testing.T) {
	b := benchOf(t)
	dir := t.TempDir()
	path := b.write(t, filepath.Join(dir, "snapshots"), false)
	link := filepath.Join(dir, "latest")
	require.NoError(t, os.Symlink(path, link))
	s, err := VerifySnapshot(t.Context(), link, b.Genesis, nil)
	require.NoError(t, err)
	require.Equal(t, link, s.Path)
	block := filepath.Join(path, "block")
	require.NoError(t, os.Rename(block, filepath.Join(dir, "block")))
	require.NoError(t, os.Symlink(filepath.Join(dir, "block"), block))
	_, err = VerifySnapshot(t.Context(), link, b.Genesis, nil)
	require.ErrorContains(t, err, "it is no file")
}

// The pieces on disk are those that were served, byte for byte.
func TestAFolderHoldsTheServedBytes(t *testing.T) {
	b := benchOf(t)
	path := b.write(t, t.TempDir(), false)
	for _, p := range b.snapshot {
		name := p.name
		if name == "manifest" {
			name = manifestFile
		}
		raw, err := os.ReadFile(filepath.Join(path, name))
		require.NoError(t, err)
		require.Equal(t, sha256.Sum256(p.raw), sha256.Sum256(raw), name)
	}
}
