package storage

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/concordat-ledger/concordat/ledger"
)

const formatVersion = 3

// claim locks dir for this process and checks that it holds the ledger, or founds it.
func claim(dir string, id ledger.ID) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "LOCK"), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	got, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the store %s: %w", dir, err)
	}
	if !got {
		return nil, locked(dir)
	}
	if err := checkFormat(dir, id); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	// Advisory: a disk without room for it must not hide the true reason.
	_ = os.WriteFile(filepath.Join(dir, "PID"), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	return lock, nil
}

// locked says who has the store open.
func locked(dir string) error {
	pid, _ := os.ReadFile(filepath.Join(dir, "PID")) // #nosec G304 -- our folder; only for the message
	n, _ := strconv.Atoi(strings.TrimSpace(string(pid)))
	return &LockedError{Dir: dir, PID: n}
}

func checkFormat(dir string, id ledger.ID) error {
	path := filepath.Join(dir, "FORMAT")
	text, err := os.ReadFile(path) // #nosec G304 -- our folder
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "badger")); err == nil {
			return corrupt([]byte{kindFolder}, 0, fmt.Sprintf("%s is missing", path))
		}
		if err := renameio.WriteFile(path, marshalFormat(formatVersion, id), 0o600); err != nil {
			return fmt.Errorf("found the store: %w", err)
		}
		return syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	version, found, err := parseFormat(text)
	if err != nil {
		return corrupt([]byte{kindFolder}, 0, fmt.Sprintf("%s cannot be read: %v", path, err))
	}
	if version != formatVersion {
		return fmt.Errorf("the store %s has format %d; this program knows format %d", dir, version, formatVersion)
	}
	if found != id {
		return &ForeignError{Dir: dir, Found: found, Want: id}
	}
	return nil
}

func marshalFormat(version int, id ledger.ID) []byte {
	text := fmt.Appendf(nil, "concordat-store %d\n%s\n", version, id)
	return fmt.Appendf(text, "sum %08x\n", crc32.Checksum(text, castagnoli))
}

// parseFormat reads the text of the file FORMAT. What follows the version belongs
// to it: of another version only the number is told.
func parseFormat(text []byte) (version int, id ledger.ID, err error) {
	var hex string
	// Files of earlier programs have no sum.
	if body, line, ok := bytes.Cut(text, []byte("sum ")); ok && string(line) != fmt.Sprintf("%08x\n", crc32.Checksum(body, castagnoli)) {
		return 0, id, errors.New("its checksum does not match")
	}
	if _, err := fmt.Sscanf(string(text), "concordat-store %d\n", &version); err != nil || version != formatVersion {
		return version, id, err
	}
	if _, err := fmt.Sscanf(string(text), "concordat-store %d\n%s\n", &version, &hex); err != nil {
		return version, id, err
	}
	id, err = ledger.ParseHash(hex)
	return version, id, err
}

// checkSpace refuses while there is still room: Badger writes through memory
// maps, and a full disk would end the process with SIGBUS. extra is what is
// about to be written, in bytes, when that is more than an ordinary block.
func (s *Store) checkSpace(extra uint64) error { return s.checkRoom(s.opt.FreeBytesMin + extra) }

func (s *Store) checkRoom(demand uint64) error {
	free, err := freeBytes(s.dir)
	if err != nil {
		return err
	}
	if free < demand {
		return &DiskFullError{Dir: s.dir, Free: free, FreeBytes: demand}
	}
	return nil
}

func freeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return st.Bavail * uint64(st.Bsize), nil // #nosec G115 -- block sizes are positive
}

func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- our folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// walSync makes Badger's write-ahead logs durable. Badger's own Sync covers
// only the newest log, and a group of blocks may have begun in the one before:
// after a power cut a later block would be there without an earlier one. It also
// leaves the name of a new log to a goroutine.
type walSync struct {
	dir   string
	known map[string]bool // logs whose names are durable
}

func (w *walSync) sync() error {
	logs, err := filepath.Glob(filepath.Join(w.dir, "*.mem"))
	if err != nil || len(logs) == 0 {
		return fmt.Errorf("no write-ahead log in %s", w.dir)
	}
	known := make(map[string]bool, len(logs))
	fresh := false
	for _, path := range logs {
		f, err := os.Open(path) // #nosec G304 -- our folder
		if errors.Is(err, fs.ErrNotExist) {
			continue // flushed to a synced table since it was listed
		}
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
		known[path] = true
		fresh = fresh || !w.known[path]
	}
	if fresh {
		if err := syncDir(w.dir); err != nil {
			return err
		}
	}
	w.known = known
	return nil
}

// badgerLog sends Badger's messages on; what it calls information is for its developers.
type badgerLog struct{ log *slog.Logger }

func (b badgerLog) say(level func(string, ...any), format string, args []any) {
	level("badger", "message", strings.TrimSpace(fmt.Sprintf(format, args...)))
}

func (b badgerLog) Errorf(format string, args ...any)   { b.say(b.log.Error, format, args) }
func (b badgerLog) Warningf(format string, args ...any) { b.say(b.log.Warn, format, args) }
func (b badgerLog) Infof(format string, args ...any)    { b.say(b.log.Debug, format, args) }
func (b badgerLog) Debugf(string, ...any)               {}
