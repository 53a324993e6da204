package simulator

import (
	"errors"
	"io"
	"sort"

	"github.com/concordat-ledger/concordat/actors/storage/votelog"
)

// disk is the vote log's file system. A crash loses what was not synced, or a part of
// it: the unsynced end of a file is torn at any byte or partly garbage; files whose
// directory was not synced may be missing, removed ones may be back.
type disk struct {
	files   map[string]*file // by name; listed sorted
	removed map[string]*file // not yet durable removals
	fail    error            // set: every write and sync fails
}

type file struct {
	data   []byte
	synced []byte // what a crash leaves for sure
	named  bool   // its name is durable
}

func newDisk() *disk { return &disk{files: map[string]*file{}, removed: map[string]*file{}} }

var errExists, errMissing = errors.New("file exists"), errors.New("no such file")

func (d *disk) MkdirAll(string) error { return nil }

func (d *disk) List(string) ([]string, error) { return sortedNames(d.files), nil }

func sortedNames(m map[string]*file) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

func (d *disk) Create(_, name string) (votelog.File, error) {
	if d.files[name] != nil {
		return nil, errExists
	}
	f := &file{}
	d.files[name] = f
	return &openFile{d, f}, nil
}

func (d *disk) Open(_, name string) (votelog.File, error) {
	f := d.files[name]
	if f == nil {
		return nil, errMissing
	}
	return &openFile{d, f}, nil
}

func (d *disk) Remove(_, name string) error {
	f := d.files[name]
	if f == nil {
		return errMissing
	}
	delete(d.files, name)
	if f.named {
		d.removed[name] = f
	}
	return nil
}

func (d *disk) SyncDir(string) error {
	for _, name := range sortedNames(d.files) {
		d.files[name].named = true
	}
	clear(d.removed)
	return nil
}

// crash keeps what is durable and, of the rest, what chance keeps.
func (d *disk) crash(r *random) {
	for _, name := range sortedNames(d.removed) {
		if d.files[name] == nil && r.chance(0.5) {
			d.files[name] = d.removed[name]
		}
	}
	clear(d.removed)
	for _, name := range sortedNames(d.files) {
		f := d.files[name]
		if !f.named && r.chance(0.5) {
			delete(d.files, name)
			continue
		}
		f.named = true
		f.tear(r)
	}
}

// crashClean loses everything that was not synced, and nothing else.
func (d *disk) crashClean() {
	for _, name := range sortedNames(d.removed) {
		if d.files[name] == nil {
			d.files[name] = d.removed[name]
		}
	}
	clear(d.removed)
	for _, name := range sortedNames(d.files) {
		f := d.files[name]
		if !f.named {
			delete(d.files, name)
			continue
		}
		f.data = append([]byte(nil), f.synced...)
	}
}

func (f *file) tear(r *random) {
	if len(f.data) > len(f.synced) {
		keep := len(f.synced)
		if r.chance(0.7) {
			keep += r.intn(len(f.data) - len(f.synced) + 1)
		}
		f.data = f.data[:keep]
		if tail := f.data[len(f.synced):]; len(tail) > 0 && r.chance(0.3) { // a block of it never arrived
			from := r.intn(len(tail))
			for i := from; i < min(from+512, len(tail)); i++ {
				tail[i] = 0
			}
		}
	}
	f.synced = append([]byte(nil), f.data...)
}

type openFile struct {
	d *disk
	f *file
}

func (o *openFile) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(o.f.data)) {
		return 0, io.EOF
	}
	n := copy(p, o.f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (o *openFile) Write(p []byte) (int, error) {
	if o.d.fail != nil {
		return 0, o.d.fail
	}
	o.f.data = append(o.f.data, p...)
	return len(p), nil
}

func (o *openFile) Sync() error {
	if o.d.fail != nil {
		return o.d.fail
	}
	n := len(o.f.synced)
	if n > len(o.f.data) {
		n = 0
	}
	o.f.synced = append(o.f.synced[:n], o.f.data[n:]...)
	return nil
}

func (o *openFile) Truncate(size int64) error {
	o.f.data = o.f.data[:size]
	if int64(len(o.f.synced)) > size {
		o.f.synced = o.f.synced[:size]
	}
	return nil
}

func (o *openFile) Size() (int64, error) { return int64(len(o.f.data)), nil }

func (o *openFile) Close() error { return nil }
