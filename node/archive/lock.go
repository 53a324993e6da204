package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"
)

// errBusy means that another run writes to the same place.
var errBusy = errors.New("it is being written already: try again when that is done")

// lock keeps other runs away from a place until unlock is called. It ends with the process,
// too; the file that such an end leaves is taken over. Errors: errBusy.
func lock(path string) (unlock func(), err error) {
	for {
		l := flock.New(path)
		got, err := l.TryLock()
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !got {
			return nil, errBusy
		}
		mine, err := l.Stat()
		if err == nil {
			var there fs.FileInfo
			if there, err = os.Stat(path); err == nil && os.SameFile(mine, there) {
				return func() {
					_ = os.Remove(path) // if it stays, the next run takes it over
					_ = l.Unlock()      // it ends with the process anyway
				}, nil
			}
		}
		if err = errors.Join(ignoreMissing(err), l.Unlock()); err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		// Whoever had the lock removed its file after it was opened here: once more.
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
