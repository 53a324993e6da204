package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/node/config"
)

// manifestFile is the manifest's name in an archive; the other pieces keep theirs.
const manifestFile = "MANIFEST"

// Stream gives the pieces of a snapshot, the manifest first, and of a backup the blocks
// since behind them.
type Stream func(put func(name string, raw []byte) error) error

// Progress is told how many pieces are done, and of how many; 0: it is not known.
type Progress func(done, of int)

// Snapshot is what is known of a snapshot on disk.
type Snapshot struct {
	Path      string        `json:"path"`
	Height    ledger.Height `json:"height"`
	Time      time.Time     `json:"time"` // of its block
	Bytes     int64         `json:"bytes"`
	Parts     int           `json:"parts"`
	Records   int           `json:"records,omitempty"`
	Certified bool          `json:"certified"`
	Verified  bool          `json:"verified"`
	Problem   string        `json:"problem,omitempty"`
}

func (s *Snapshot) describe(m *snapshot.Manifest) {
	s.Height, s.Time, s.Parts = m.Header.Height, m.Header.Time.Std().UTC(), len(m.Outline.Parts())
}

// SnapshotName is what a snapshot of a height is called.
func SnapshotName(h ledger.Height, tar bool) string {
	name := fmt.Sprintf("snapshot-%012d", h)
	if tar {
		name += ".tar"
	}
	return name
}

// snapshotName is what SnapshotName gives.
var snapshotName = regexp.MustCompile(`^snapshot-\d{12}(\.tar)?$`)

// WriteSnapshot writes a snapshot into the folder dir, and returns where. One that is there
// already is left as it is, and fresh is false.
func WriteSnapshot(ctx context.Context, dir string, genesis []byte, tar bool, from Stream, show Progress) (out *Snapshot, fresh bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, false, fmt.Errorf("write a snapshot: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, ".lock"))
	if errors.Is(err, errBusy) {
		return nil, false, fmt.Errorf("another snapshot is being written into %s: try again when it is there", dir)
	}
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	if err := sweep(dir); err != nil {
		return nil, false, err
	}
	out = &Snapshot{}
	var w *writer
	put := gather(ctx, show, func(m *snapshot.Manifest) error {
		out.describe(m)
		out.Path = filepath.Join(dir, SnapshotName(out.Height, tar))
		var err error
		w, err = create(out.Path, KindSnapshot, tar, nil)
		return err
	}, func(name string, raw []byte) error { return w.add(name, raw) })
	err = from(put)
	if w == nil {
		if errors.Is(err, ErrExists) {
			return out, false, nil
		}
		return nil, false, err
	}
	defer w.abort()
	if err == nil {
		err = w.add(config.GenesisFile, genesis)
	}
	if err == nil {
		err = w.finish(ctx)
	}
	return out, err == nil, err
}

// gather calls begin with the manifest before the first piece is added, and shows progress.
func gather(ctx context.Context, show Progress, begin func(*snapshot.Manifest) error, add func(name string, raw []byte) error) func(name string, raw []byte) error {
	done, of := 0, 0
	return func(name string, raw []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if name == catchup.ManifestPiece {
			m, err := snapshot.ParseManifest(raw)
			if err == nil {
				err = begin(m)
			}
			if err != nil {
				return err
			}
			name, of = manifestFile, len(m.Outline.Parts())+3 // manifest, block and at least one run of commands
		}
		done++
		if show != nil {
			show(done, max(of, done))
		}
		return add(name, raw)
	}
}

// sweep removes what an interruption left in a folder of snapshots.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if name, part := strings.CutSuffix(e.Name(), partSuffix); part && snapshotName.MatchString(name) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// VerifySnapshot checks everything in a snapshot against the genesis file alone. Errors:
// *DamageError names the piece.
func VerifySnapshot(ctx context.Context, path string, genesis []byte, show Progress) (*Snapshot, error) {
	f, err := open(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.close() }() // only read
	f.show = show
	if f.kind != KindSnapshot {
		return nil, f.damage("", fmt.Errorf("it is a %s", f.kind))
	}
	s, _, err := f.snapshot(ctx, "", genesis)
	return s, err
}

// snapshot checks the snapshot that stands in an archive below a prefix.
func (f *files) snapshot(ctx context.Context, prefix string, genesis []byte) (*Snapshot, *catchup.Snapshot, error) {
	in, used, err := f.assemble(ctx, prefix, genesis)
	if err != nil {
		return nil, nil, err
	}
	out := &Snapshot{Path: f.path, Bytes: f.size, Certified: true}
	out.describe(in.Manifest)
	if err := in.Records(func(_, _ []byte) error { out.Records++; return nil }); err != nil {
		return nil, nil, f.name(err, prefix)
	}
	for _, s := range f.sums.files {
		name, inside := cutPrefix(s.name, prefix)
		if inside && !used[name] {
			return nil, nil, f.damage(s.name, errors.New("it is no piece of this snapshot"))
		}
	}
	out.Verified = true
	return out, in, nil
}

func cutPrefix(name, prefix string) (string, bool) {
	if len(name) < len(prefix) || name[:len(prefix)] != prefix {
		return "", false
	}
	return name[len(prefix):], true
}

// assemble reads and checks all but the parts of the state. used are the pieces that were
// read so far.
func (f *files) assemble(ctx context.Context, prefix string, genesis []byte) (*catchup.Snapshot, map[string]bool, error) {
	trust, err := replica.Trust(genesis)
	if err != nil {
		return nil, nil, err
	}
	own, err := f.get(prefix + config.GenesisFile)
	if err != nil {
		return nil, nil, err
	}
	if ledger.GenesisID(own) != trust.Ledger {
		return nil, nil, f.damage(prefix+config.GenesisFile, errors.New("it founds another ledger than the genesis file that was given"))
	}
	used := map[string]bool{manifestFile: true, config.GenesisFile: true}
	if prefix != "" { // it can be used alone, and has a SUMS of its own
		used[sumsFile] = true
		if err := f.inner(prefix); err != nil {
			return nil, nil, err
		}
	}
	raw, err := f.get(prefix + manifestFile)
	if err != nil {
		return nil, nil, err
	}
	m, err := catchup.CheckManifest(trust, raw)
	if err != nil {
		return nil, nil, f.damage(prefix+manifestFile, err)
	}
	in, err := catchup.Assemble(ctx, trust, m, func(name string) ([]byte, bool, error) {
		used[name] = true
		if !f.has(prefix + name) {
			return nil, false, nil
		}
		raw, err := f.get(prefix + name)
		return raw, err == nil, err
	})
	return in, used, f.name(err, prefix)
}

// inner holds that the SUMS below a prefix name the very files that are there: with them
// what is below can be used alone.
func (f *files) inner(prefix string) error {
	raw, err := f.get(prefix + sumsFile)
	if err != nil {
		return err
	}
	got, err := parseSums(raw)
	if err != nil {
		return f.damage(prefix+sumsFile, err)
	}
	want := sums{kind: KindSnapshot}
	for _, s := range f.sums.files {
		if name, inside := strings.CutPrefix(s.name, prefix); inside && name != sumsFile {
			want.files = append(want.files, sum{name: name, digest: s.digest})
		}
	}
	if got.kind != want.kind || !slices.Equal(got.files, want.files) {
		return f.damage(prefix+sumsFile, errors.New("it does not have the files that are beside it"))
	}
	return nil
}

// name turns what assembling says of a piece into what is wrong with a file.
func (f *files) name(err error, prefix string) error {
	var damaged *DamageError
	var piece *catchup.PieceError
	switch {
	case err == nil || errors.As(err, &damaged):
		if damaged != nil {
			return damaged
		}
		return err
	case errors.As(err, &piece):
		return f.damage(prefix+piece.Piece, piece.Err)
	}
	return err
}
