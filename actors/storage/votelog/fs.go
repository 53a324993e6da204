package votelog

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
)

// File is one open segment. Writes append; reads take a position. It is small
// so that a simulator can tear and lose what was not synced.
type File interface {
	io.ReaderAt
	Write(p []byte) (int, error) // appends at the end
	Sync() error                 // content and size are durable when it returns nil
	Truncate(size int64) error
	Size() (int64, error)
	Close() error
}

// FS is the directory of a log. Names are base names.
type FS interface {
	MkdirAll(dir string) error
	List(dir string) ([]string, error)     // sorted
	Create(dir, name string) (File, error) // fails if the name exists
	Open(dir, name string) (File, error)   // for reading and appending
	Remove(dir, name string) error         // not durable before SyncDir
	SyncDir(dir string) error              // makes creations and removals durable
}

// OS is the file system of the operating system.
type OS struct{}

type osFile struct{ *os.File }

// Size is the present length of the file, in bytes.
func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// MkdirAll creates dir, and makes its name durable in its parent.
func (o OS) MkdirAll(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return o.SyncDir(filepath.Dir(dir))
}

// List names the files of dir, sorted.
func (OS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names, nil
}

func (OS) open(dir, name string, flags int) (File, error) {
	f, err := os.OpenFile(filepath.Join(dir, filepath.Base(name)), flags|os.O_RDWR|os.O_APPEND, 0o600) // #nosec G304 -- our own directory
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Create makes a new file that only this user may read.
func (o OS) Create(dir, name string) (File, error) { return o.open(dir, name, os.O_CREATE|os.O_EXCL) }

// Open opens an existing file.
func (o OS) Open(dir, name string) (File, error) { return o.open(dir, name, 0) }

// Remove deletes a file.
func (OS) Remove(dir, name string) error { return os.Remove(filepath.Join(dir, filepath.Base(name))) }

// SyncDir makes creations and removals in dir durable.
func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- our own directory
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
