package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Incoming keeps the pieces of a snapshot that is being fetched, a file each, so that
// an interrupted transfer goes on where it was. The pieces are checked when they
// come and again when they are used: nothing is synced, and a torn file is fetched anew.
type Incoming struct {
	Dir          string
	FreeBytesMin uint64 // room that must be free before anything is written; see Options
}

// Clear forgets everything.
func (i Incoming) Clear() error { return os.RemoveAll(i.Dir) }

// Put keeps a piece under a name.
func (i Incoming) Put(name string, raw []byte) error {
	if err := os.MkdirAll(i.Dir, 0o700); err != nil {
		return fmt.Errorf("keep a piece of a snapshot: %w", err)
	}
	if err := CheckRoom(i.Dir, i.FreeBytesMin, uint64(len(raw))); err != nil {
		return err
	}
	path := filepath.Join(i.Dir, name)
	if err := os.WriteFile(path+".part", raw, 0o600); err != nil {
		return fmt.Errorf("keep a piece of a snapshot: %w", err)
	}
	return os.Rename(path+".part", path)
}

// Has tells whether a piece is here.
func (i Incoming) Has(name string) bool {
	_, err := os.Stat(filepath.Join(i.Dir, name))
	return err == nil
}

// Get reads a piece; false: it is not here.
func (i Incoming) Get(name string) ([]byte, bool, error) {
	raw, err := os.ReadFile(filepath.Join(i.Dir, name)) // #nosec G304 -- our folder
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return raw, err == nil, err
}
