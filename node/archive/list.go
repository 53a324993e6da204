package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
)

// ListSnapshots are the snapshots in a folder, the oldest first. Of one that cannot be read
// Problem says why. check verifies them as a whole, which takes as long as reading them.
func ListSnapshots(ctx context.Context, dir string, genesis []byte, check bool) ([]Snapshot, error) {
	found, err := find(dir)
	if err != nil {
		return nil, err
	}
	out := []Snapshot{}
	for _, path := range found {
		s, err := look(ctx, path, genesis, check)
		if err != nil {
			s.Problem = err.Error()
		}
		out = append(out, *s)
	}
	return out, ctx.Err()
}

// find gives the paths of all snapshots in a folder, the oldest first.
func find(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir) // ascending, and so are the heights in the names
	for _, e := range entries {
		if snapshotName.MatchString(e.Name()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("look for snapshots: %w", err)
	}
	return paths, nil
}

func look(ctx context.Context, path string, genesis []byte, check bool) (*Snapshot, error) {
	out := &Snapshot{Path: path}
	if check {
		s, err := VerifySnapshot(ctx, path, genesis, nil)
		if err == nil {
			return s, nil
		}
		out.Problem = err.Error()
	}
	f, err := open(ctx, path, nil)
	if err != nil {
		return out, err
	}
	defer func() { _ = f.close() }() // only read
	out.Bytes = f.size
	raw, err := f.get(manifestFile)
	if err != nil {
		return out, err
	}
	m, err := snapshot.ParseManifest(raw)
	if err != nil {
		return out, f.damage(manifestFile, err)
	}
	out.describe(m)
	trust, err := replica.Trust(genesis)
	if err == nil {
		_, err = catchup.CheckManifest(trust, raw)
	}
	out.Certified = err == nil
	if err == nil && out.Problem != "" {
		err = errors.New(out.Problem)
	}
	return out, err
}

// KeepSnapshots deletes the oldest snapshots of a ledger in a folder down to so many, and
// returns what it deleted. Of those that stay one is fresh, the path of the snapshot that
// was just written, however old its height is. What cannot be read as a snapshot of this
// ledger is neither counted nor deleted.
func KeepSnapshots(ctx context.Context, dir string, genesis []byte, keep int, fresh string) (gone []string, err error) {
	found, err := find(dir)
	if err != nil {
		return nil, err
	}
	var others []Snapshot
	for _, path := range found {
		s, err := look(ctx, path, genesis, false)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil && filepath.Base(path) != filepath.Base(fresh) {
			others = append(others, *s)
		}
	}
	slices.SortStableFunc(others, func(a, b Snapshot) int { return cmp.Compare(a.Height, b.Height) })
	for len(others) > max(keep, 1)-1 {
		if err := DeleteSnapshot(others[0].Path); err != nil {
			return gone, err
		}
		gone, others = append(gone, others[0].Path), others[1:]
	}
	return gone, nil
}

// DeleteSnapshot removes a snapshot: as a whole, even when it is interrupted.
func DeleteSnapshot(path string) error {
	path = filepath.Clean(path)
	if !snapshotName.MatchString(filepath.Base(path)) {
		return fmt.Errorf("%s is not called like a snapshot; delete it by hand if it is one", path)
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no snapshot %s", path)
	}
	going := path + partSuffix
	if err := os.RemoveAll(going); err != nil {
		return err
	}
	if err := os.Rename(path, going); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(going), syncDir(filepath.Dir(path)))
}
