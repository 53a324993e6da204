package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

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

func compareNames(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) }

// find gives the paths of all snapshots in a folder, the oldest first.
func find(dir string) (paths []string, err error) {
	for _, pattern := range []string{"snapshot-*[0-9]", "snapshot-*[0-9].tar"} {
		some, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		paths = append(paths, some...)
	}
	slices.SortFunc(paths, compareNames)
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
	f, err := open(path, nil)
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

// KeepSnapshots deletes the oldest snapshots of a folder down to so many, and returns what
// it deleted.
func KeepSnapshots(dir string, keep int) (gone []string, err error) {
	found, err := find(dir)
	if err != nil {
		return nil, err
	}
	for len(found) > max(keep, 1) {
		if err := DeleteSnapshot(found[0]); err != nil {
			return gone, err
		}
		gone, found = append(gone, found[0]), found[1:]
	}
	return gone, nil
}

// DeleteSnapshot removes a snapshot: as a whole, even when it is interrupted.
func DeleteSnapshot(path string) error {
	if ok, err := filepath.Match("snapshot-*[0-9]*", filepath.Base(path)); err != nil || !ok {
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
