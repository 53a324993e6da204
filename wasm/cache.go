package wasm

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// The engine keeps compiled code in files, and compares the checksum of the machine code
// alone: where each function begins is believed as it stands there. So each file has one
// of ours beside it, of all its bytes. What does not hold, or has none, is removed and
// compiled again.

const (
	sumSuffix = ".crc32c"
	newSuffix = ".tmp" // of what the engine is writing, maybe in another goroutine
)

// cacheBytesMax bounds the folder: a module that was deployed once, or was refused after it
// was compiled, would stay for ever, and all files are read before one is believed. The
// oldest go first.
const cacheBytesMax = 1 << 30

// cacheFolder is a folder of compiled code; an empty one stands for none.
type cacheFolder struct {
	dir  string
	most int64 // bytes
	mu   sync.Mutex
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sumOf(raw []byte) string { return fmt.Sprintf("%08x\n", crc32.Checksum(raw, castagnoli)) }

// begin removes what an engine was writing when its process ended.
func (c *cacheFolder) begin() error {
	if c.dir == "" {
		return nil
	}
	left, err := filepath.Glob(filepath.Join(c.dir, "*", "*"+newSuffix+"*"))
	if err != nil {
		return nil // a pattern in the folder's name: they take room, no more
	}
	if err := remove(left...); err != nil {
		return err
	}
	return c.check()
}

// each calls fn with every file of compiled code.
func (c *cacheFolder) each(fn func(path string) error) error {
	if c.dir == "" {
		return nil
	}
	err := filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, sumSuffix) || strings.HasSuffix(path, newSuffix) {
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
		return remove(path, path+sumSuffix)
	})
}

// remove takes files away. Another engine that shares the folder may have done so.
func remove(paths ...string) error {
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove compiled code: %w", err)
		}
	}
	return nil
}

// seal writes the checksums of new files, and removes the oldest when there are too many.
func (c *cacheFolder) seal() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.sum(); err != nil {
		return err
	}
	return c.prune()
}

func (c *cacheFolder) prune() error {
	type file struct {
		path string
		size int64
		at   time.Time
	}
	var all []file
	var size int64
	err := c.each(func(path string) error {
		info, err := os.Stat(path)
		if err == nil {
			all, size = append(all, file{path, info.Size(), info.ModTime()}), size+info.Size()
		}
		return err
	})
	slices.SortStableFunc(all, func(a, b file) int { return a.at.Compare(b.at) })
	for i := 0; i < len(all)-1 && err == nil && size > c.most; i++ { // the newest stays
		size -= all[i].size
		err = remove(all[i].path, all[i].path+sumSuffix)
	}
	return err
}

func (c *cacheFolder) sum() error {
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
