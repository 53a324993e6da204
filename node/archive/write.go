package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/concordat-ledger/concordat/actors/storage"
)

// partSuffix marks what is being written.
const partSuffix = ".part"

// ErrExists means that there is an archive of this name already.
var ErrExists = errors.New("it is there already")

// writer writes an archive under a temporary name. Either finish or abort ends it.
type writer struct {
	path string
	sums sums
	put  func(name string, raw []byte) error
	done func() error // makes all durable
	quit func()       // closes what is open
}

// create begins an archive: a folder, or with tar or recipients one file.
func create(path string, kind Kind, tar bool, to []age.Recipient) (*writer, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s: %w", path, ErrExists)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("write an archive: %w", err)
	}
	if err := os.RemoveAll(path + partSuffix); err != nil { // an interruption left it
		return nil, fmt.Errorf("write an archive: %w", err)
	}
	w := &writer{path: path, sums: sums{kind: kind}, quit: func() {}}
	begin := w.folder
	if tar || len(to) > 0 {
		begin = func() error { return w.file(to) }
	}
	if err := begin(); err != nil {
		w.abort()
		return nil, fmt.Errorf("write an archive: %w", err)
	}
	return w, nil
}

// add writes a file.
func (w *writer) add(name string, raw []byte) error {
	if !fileName.MatchString(name) {
		return fmt.Errorf("write an archive: a file cannot be called %q", name)
	}
	if err := storage.CheckRoom(filepath.Dir(w.path), 0, uint64(len(raw))); err != nil {
		return err
	}
	w.sums.add(name, raw)
	if err := w.put(name, raw); err != nil {
		return fmt.Errorf("write an archive: %w", err)
	}
	return nil
}

// finish writes SUMS and gives the archive its name.
func (w *writer) finish() error {
	err := w.put(sumsFile, w.sums.marshal())
	if err == nil {
		err = w.done()
	}
	if err == nil {
		err = os.Rename(w.path+partSuffix, w.path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(w.path))
	}
	if err != nil {
		w.abort()
		return fmt.Errorf("write an archive: %w", err)
	}
	return nil
}

// abort removes what was written. After finish it does nothing.
func (w *writer) abort() {
	w.quit()
	_ = os.RemoveAll(w.path + partSuffix) // the next one of this name removes it, too
}

func (w *writer) folder() error {
	root := w.path + partSuffix
	w.put = func(name string, raw []byte) error {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304 -- our folder
		if err != nil {
			return err
		}
		_, err = f.Write(raw)
		if err == nil {
			err = f.Sync()
		}
		return errors.Join(err, f.Close())
	}
	w.done = func() error {
		return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			return syncDir(path)
		})
	}
	return os.Mkdir(root, 0o700)
}

func (w *writer) file(to []age.Recipient) error {
	f, err := os.OpenFile(w.path+partSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w.quit = func() { _ = f.Close() } // it is given up
	buffered := bufio.NewWriterSize(f, 1<<20)
	var out io.Writer = buffered
	end := func() error { return nil }
	if len(to) > 0 {
		sealing, err := age.Encrypt(buffered, to...)
		if err != nil {
			return err
		}
		out, end = sealing, sealing.Close
	}
	w.put = func(name string, raw []byte) error {
		head, err := tarHeader(string(w.sums.kind)+"/"+name, int64(len(raw)))
		if err != nil {
			return err
		}
		for _, b := range [][]byte{head, raw, make([]byte, tarPadding(int64(len(raw))))} {
			if _, err := out.Write(b); err != nil {
				return err
			}
		}
		return nil
	}
	w.done = func() error {
		_, err := out.Write(make([]byte, 2*tarBlock))
		for _, step := range []func() error{end, buffered.Flush, f.Sync, f.Close} {
			if err == nil {
				err = step()
			}
		}
		return err
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- our folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
