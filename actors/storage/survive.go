package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dgraph-io/badger/v4"
	"golang.org/x/sys/unix"
)

// Badger ends the process over some damage, or its own goroutines panic. So each opening
// leaves a mark, which goes when the store has been open for a while or is closed. When
// several openings ended early in a row, every block of every table is taken apart before
// the next one.

const (
	openingFile = "OPENING"
	openingsMax = 3
	openedAfter = time.Minute
)

// survive looks for damage over which Badger would not live, or that it would pass over.
func (s *Store) survive(path string) error {
	mark := filepath.Join(s.dir, openingFile)
	raw, err := os.ReadFile(mark) // #nosec G304 -- our folder
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open the store: %w", err)
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(raw))) // what cannot be read counts as none
	if n >= openingsMax {
		s.log.Warn("the process ended early several times with this store; the layout of all its tables is checked first", "dir", s.dir, "times", n)
	}
	if err := checkTables(path, n >= openingsMax); err != nil {
		return err
	}
	return os.WriteFile(mark, fmt.Appendln(nil, n+1), 0o600)
}

// opened takes the mark away.
func (s *Store) opened() {
	if err := os.Remove(filepath.Join(s.dir, openingFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("the mark of an opening stays", "dir", s.dir, "error", err)
	}
}

// openBadger opens Badger's files. What it cannot read is damage, unless the machine is
// the reason.
func openBadger(opt badger.Options) (db *badger.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			db, err = nil, corrupt([]byte{kindTable}, 0, fmt.Sprintf("it cannot be opened: %v", r))
		}
	}()
	if db, err = badger.OpenManaged(opt); err != nil && !ofMachine(err) {
		err = corrupt([]byte{kindTable}, 0, fmt.Sprintf("it cannot be opened: %v", err))
	}
	return db, err
}

// ofMachine reports whether an error comes of the machine and may pass. Badger does not
// wrap all errors, so their text is what there is.
func ofMachine(err error) bool {
	for _, e := range []unix.Errno{unix.EACCES, unix.EPERM, unix.EMFILE, unix.ENFILE, unix.ENOSPC, unix.EDQUOT, unix.EROFS, unix.ENOMEM, unix.EAGAIN} {
		if errors.Is(err, e) || strings.Contains(err.Error(), e.Error()) {
			return true
		}
	}
	return strings.Contains(err.Error(), "Another process is using this Badger database")
}
