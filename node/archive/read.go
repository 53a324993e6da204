package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
)

// DamageError says which piece of an archive is missing or not what it was.
type DamageError struct {
	Path  string // of the archive
	Piece string // empty: the file as a whole
	Err   error
}

func (e *DamageError) Error() string {
	if e.Piece == "" {
		return fmt.Sprintf("%s cannot be used: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s cannot be used: %s: %v", e.Path, e.Piece, e.Err)
}

// Unwrap gives the reason.
func (e *DamageError) Unwrap() error { return e.Err }

// ErrSealed means that an archive is encrypted and no key for it was given.
var ErrSealed = errors.New("it is encrypted: give --identity or --passphrase-file")

// ErrKey means that it is encrypted for another key or with another passphrase.
var ErrKey = errors.New("neither the keys nor the passphrase open it")

// pieceBytesMax bounds a file of an archive, as it is read as a whole.
const pieceBytesMax = 256 << 20

// files is an archive that is open for reading.
type files struct {
	path  string
	kind  Kind
	size  int64
	sums  *sums
	read  func(name string) ([]byte, error)
	close func() error
	show  Progress // nil: nobody watches
	seen  int
}

func (f *files) damage(piece string, err error) error {
	return &DamageError{Path: f.path, Piece: piece, Err: err}
}

// open finds the files of an archive, and holds that they are those that SUMS names. Their
// contents are compared when they are read.
func open(ctx context.Context, path string, keys []age.Identity) (*files, error) {
	f := &files{path: path, close: func() error { return nil }}
	names, err := f.find(ctx, keys)
	if err == nil {
		err = f.list(ctx, names)
	}
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func (f *files) find(ctx context.Context, keys []age.Identity) ([]string, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fmt.Errorf("read the archive: %w", err)
	}
	if info.IsDir() {
		return f.folder(ctx)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, fmt.Errorf("read the archive: %w", err)
	}
	f.close, f.size = file.Close, info.Size()
	var r io.ReaderAt = file
	size := info.Size()
	if sealed(file) {
		if len(keys) == 0 {
			return nil, f.damage("", ErrSealed)
		}
		r, size, err = age.DecryptReaderAt(file, size, keys...)
		var none *age.NoIdentityMatchError
		if errors.As(err, &none) {
			err = ErrKey
		}
		if err != nil {
			return nil, f.damage("", err)
		}
	}
	return f.tar(r, size)
}

func (f *files) folder(ctx context.Context) (names []string, err error) {
	root, err := filepath.EvalSymlinks(f.path) // the archive may have another name; what is in it may not
	if err != nil {
		return nil, fmt.Errorf("read the archive: %w", err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() {
			return f.damage(name, errors.New("it is no file"))
		}
		names, f.size = append(names, filepath.ToSlash(name)), f.size+info.Size()
		return nil
	})
	f.read = func(name string) ([]byte, error) {
		path := filepath.Join(root, filepath.FromSlash(name))
		if info, err := os.Stat(path); err == nil && info.Size() > pieceBytesMax {
			return nil, fmt.Errorf("it has %d bytes; the limit is %d", info.Size(), pieceBytesMax)
		}
		return os.ReadFile(path) // #nosec G304 -- a name that SUMS has
	}
	return names, err
}

func (f *files) tar(r io.ReaderAt, size int64) ([]string, error) {
	inside, where, err := tarIndex(r, size)
	if err != nil {
		return nil, f.damage("", err)
	}
	var names []string
	top := ""
	for _, n := range inside {
		first, name, ok := strings.Cut(n, "/")
		if !ok || top != "" && top != first {
			return nil, f.damage("", errTar)
		}
		top, names = first, append(names, name)
	}
	f.read = func(name string) ([]byte, error) {
		at := where[top+"/"+name]
		if at.size > pieceBytesMax {
			return nil, fmt.Errorf("it has %d bytes; the limit is %d", at.size, pieceBytesMax)
		}
		b := make([]byte, at.size)
		return b, readAt(r, b, at.offset)
	}
	return names, nil
}

// list reads SUMS.
func (f *files) list(ctx context.Context, names []string) error {
	slices.Sort(names)
	there := func(name string) bool {
		_, ok := slices.BinarySearch(names, name)
		return ok
	}
	if !there(sumsFile) {
		return f.damage(sumsFile, fs.ErrNotExist)
	}
	raw, err := f.read(sumsFile)
	if err == nil {
		f.sums, err = parseSums(raw)
	}
	if err != nil {
		return f.damage(sumsFile, err)
	}
	f.kind = f.sums.kind
	for _, s := range f.sums.files {
		if !there(s.name) {
			return f.damage(s.name, fs.ErrNotExist)
		}
	}
	for _, name := range names {
		if name != sumsFile && f.sums.find(name) == nil {
			return f.damage(name, errors.New("SUMS does not know it"))
		}
	}
	return ctx.Err()
}

func (s *sums) find(name string) *sum {
	i, ok := slices.BinarySearchFunc(s.files, name, func(f sum, n string) int { return strings.Compare(f.name, n) })
	if !ok {
		return nil
	}
	return &s.files[i]
}

// get reads a file and compares it with SUMS.
func (f *files) get(name string) ([]byte, error) {
	want := f.sums.find(name)
	if want == nil {
		return nil, f.damage(name, fs.ErrNotExist)
	}
	f.seen++
	if f.show != nil {
		f.show(f.seen, max(f.seen, len(f.sums.files)))
	}
	raw, err := f.read(name)
	if err == nil && sha256.Sum256(raw) != want.digest {
		err = errors.New("its SHA-256 is not the one in SUMS")
	}
	if err != nil {
		return nil, f.damage(name, err)
	}
	return raw, nil
}

// has tells whether there is such a file.
func (f *files) has(name string) bool { return f.sums.find(name) != nil }

// sealed tells whether a file is one that age encrypted.
func sealed(r io.ReaderAt) bool {
	const mark = "age-encryption.org/"
	b := make([]byte, len(mark))
	_, err := r.ReadAt(b, 0)
	return err == nil && bytes.Equal(b, []byte(mark))
}
