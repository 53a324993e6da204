package wasm

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// The engine keeps compiled code in files, and compares the checksum of the machine code
// alone: where each function begins is believed as it stands there. So each file has one
// of ours beside it, of all its bytes. What does not hold, or has none, is removed and
// compiled again.

const sumSuffix = ".crc32c"

// cacheFolder is a folder of compiled code; an empty one stands for none.
type cacheFolder struct {
	dir string
	mu  sync.Mutex
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sumOf(raw []byte) string { return fmt.Sprintf("%08x\n", crc32.Checksum(raw, castagnoli)) }

// each calls fn with every file of compiled code.
func (c *cacheFolder) each(fn func(path string) error) error {
	if c.dir == "" {
		return nil
	}
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, sumSuffix) {
			return err
		}
		return fn(path)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// check removes what does not hold.
func (c *cacheFolder) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.each(func(path string) error {
		raw, err := os.ReadFile(path) // #nosec G304 G122 -- our folder
		if err == nil {
			sum, missing := os.ReadFile(path + sumSuffix) // #nosec G304 G122 -- our folder
			if missing == nil && string(sum) == sumOf(raw) {
				return nil
			}
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove damaged compiled code: %w", err)
		}
		if err := os.Remove(path + sumSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove damaged compiled code: %w", err)
		}
		return nil
	})
}

// seal writes the checksums of new files.
func (c *cacheFolder) seal() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.each(func(path string) error {
		if _, err := os.Stat(path + sumSuffix); err == nil {
			return nil
		}
		raw, err := os.ReadFile(path) // #nosec G304 G122 -- our folder
		if err != nil {
			return err
		}
		return os.WriteFile(path+sumSuffix, []byte(sumOf(raw)), 0o600) // #nosec G703 -- our folder
	})
}
