package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
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
	path   string
	sums   sums
	put    func(name string, raw []byte) error
	done   func() error                // makes all durable
	reread func(context.Context) error // compares what is on the disk with what was written
	quit   func()                      // closes what is open
	show   Progress                    // of reading again; nil: nobody watches
	unlock func()                      // nil: it has ended
}

// create begins an archive: a folder, or with tar or recipients one file.
func create(path string, kind Kind, tar bool, to []age.Recipient) (*writer, error) {
	path = filepath.Clean(path) // what is beside a name with a slash behind it would be inside
	if err := vacant(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("write an archive: %w", err)
	}
	unlock, err := lock(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("write an archive: %s: %w", path, err)
	}
	w := &writer{path: path, sums: sums{kind: kind}, quit: func() {}, unlock: unlock}
	begin := w.folder
	if tar || len(to) > 0 {
		begin = func() error { return w.file(to) }
	}
	err = vacant(path) // another run may have been faster
	if err == nil {
		err = os.RemoveAll(path + partSuffix) // an interruption left it
	}
	if err == nil {
		err = begin()
	}
	if err != nil {
		w.abort()
		return nil, fmt.Errorf("write an archive: %w", err)
	}
	return w, nil
}

// vacant tells whether a name is free. Errors: ErrExists.
func vacant(path string) error {
	_, err := os.Lstat(path)
	if err == nil {
		return fmt.Errorf("%s: %w", path, ErrExists)
	}
	return ignoreMissing(err)
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

// finish writes SUMS, reads a backup again, and gives the archive its name. A snapshot is
// verified as a whole by whoever took it.
func (w *writer) finish(ctx context.Context) error {
	err := w.put(sumsFile, w.sums.marshal())
	if err == nil {
		err = w.done()
	}
	if err == nil && w.sums.kind == KindBackup {
		if err = w.reread(ctx); err != nil {
			err = fmt.Errorf("what is on the disk is not what was written: %w", err)
		}
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
	w.end()
	return nil
}

// abort removes what was written. After finish it does nothing: the temporary name may be
// another run's by then.
func (w *writer) abort() {
	if w.unlock == nil {
		return
	}
	w.quit()
	_ = os.RemoveAll(w.path + partSuffix) // the next one of this name removes it, too
	w.end()
}

func (w *writer) end() {
	w.unlock()
	w.unlock = nil
}

func (w *writer) folder() error {
	root := w.path + partSuffix
	w.put = func(name string, raw []byte) error {
		path := filepath.Join(root, filepath.FromSlash(name))
		if dir := filepath.Dir(path); dir != root { // Mkdir: a root that is gone must not come back half empty
			if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
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
	w.reread = func(ctx context.Context) error { return w.rereadFolder(ctx, root) }
	return os.Mkdir(root, 0o700)
}

// rereadFolder compares a folder with the digests of what was written into it.
func (w *writer) rereadFolder(ctx context.Context, root string) error {
	f, err := open(ctx, root, nil)
	if err != nil {
		return err
	}
	f.show = w.show
	for _, s := range w.sums.files {
		raw, err := f.get(s.name)
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && sha256.Sum256(raw) != s.digest {
			err = f.damage(s.name, errors.New("it is another file"))
		}
		if err != nil {
			return err
		}
	}
	return f.close()
}

func (w *writer) file(to []age.Recipient) error {
	f, err := os.OpenFile(w.path+partSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w.quit = func() { _ = f.Close() } // it is given up
	written := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(f, written), 1<<20)
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
	w.reread = func(context.Context) error { return rereadFile(f.Name(), written.Sum(nil)) }
	return nil
}

// rereadFile compares a file, which may be encrypted, with the digest of its bytes.
func rereadFile(path string, want []byte) error {
	f, err := os.Open(path) // #nosec G304 -- our file
	if err != nil {
		return err
	}
	found := sha256.New()
	_, err = io.Copy(found, f)
	if err == nil && !bytes.Equal(found.Sum(nil), want) {
		err = fmt.Errorf("%s is another file", path)
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- our folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
