package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// damagedFile marks a store that is to be fetched anew: why stands in it.
const damagedFile = "DAMAGED"

// DamagedSuffix is that of a store, or another folder, that was put aside.
const DamagedSuffix = ".damaged"

// MarkDamaged says that a store is to be fetched anew. It lasts until the store is
// replaced.
func MarkDamaged(dir, why string) error {
	return renameio.WriteFile(filepath.Join(dir, damagedFile), []byte(why+"\n"), 0o600)
}

// WhyDamaged reads the mark; "": there is none.
func WhyDamaged(dir string) string {
	raw, err := os.ReadFile(filepath.Join(dir, damagedFile)) // #nosec G304 -- our folder
	if err != nil {
		return ""
	}
	return max(strings.TrimSpace(string(raw)), "damaged")
}

// PutAside moves a damaged folder out of the way. One is kept for whoever wants to know
// what happened, the last; it goes when there would be no room for a new one. Of a store
// that was never to lose anything, irreplaceable, nothing is removed: what is damaged there
// may be all that is left of the ledger's past.
func PutAside(dir string, freeBytesMin uint64, irreplaceable bool) (kept bool, err error) {
	if freeBytesMin == 0 {
		freeBytesMin = FreeBytesMinDefault
	}
	aside := dir + DamagedSuffix
	if irreplaceable {
		aside = unused(aside)
	} else if err := os.RemoveAll(aside); err != nil {
		return false, fmt.Errorf("put the damaged folder %s aside: %w", dir, err)
	}
	size, err := folderBytes(dir)
	if err != nil {
		return false, err
	}
	free, err := freeBytes(filepath.Dir(dir))
	if err != nil {
		return false, err
	}
	need := freeBytesMin + 2*size
	if irreplaceable {
		need = freeBytesMin + size // there is no choice between the two: it can be tight
	}
	switch {
	case free >= need:
		err, kept = os.Rename(dir, aside), true
	case irreplaceable:
		return false, fmt.Errorf("the folder %s is damaged, and the disk has no room for a new one beside it (%d bytes are free, %d are needed); it is not removed, as it is to keep everything: move it to another disk, or make room", dir, free, need)
	default:
		err = os.RemoveAll(dir)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("put the damaged folder %s aside: %w", dir, err)
	}
	return kept, syncDir(filepath.Dir(dir))
}

// unused is a name like this one that nothing has.
func unused(path string) string {
	name := path
	for n := 2; ; n++ {
		if _, err := os.Lstat(name); err != nil {
			return name
		}
		name = fmt.Sprintf("%s-%d", path, n)
	}
}

func folderBytes(dir string) (sum uint64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += uint64(info.Size()) // #nosec G115 -- positive
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return sum, err
}
