package votelog

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// SegmentBytesDefault is the size at which the log starts a new file.
const SegmentBytesDefault = 16 << 20

// Options of a log.
type Options struct {
	Ledger       ledger.ID
	SegmentBytes int64 // 0: SegmentBytesDefault
}

// Open reads the log in dir, or founds it. A torn tail is cut. Errors: *Corrupt,
// *Foreign, or what the file system says.
func Open(fs FS, dir string, opt Options) (*Log, error) {
	if opt.SegmentBytes <= 0 {
		opt.SegmentBytes = SegmentBytesDefault
	}
	l := &Log{fs: fs, dir: dir, opt: opt, kept: map[uint8]keptRecord{}}
	if err := fs.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("open the vote log: %w", err)
	}
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("open the vote log: %w", err)
	}
	var indexes []uint64
	for _, name := range names {
		if index, ok := segmentIndex(name); ok {
			indexes = append(indexes, index)
		}
	}
	for i, index := range indexes {
		if i > 0 && index != indexes[i-1]+1 {
			return nil, &Corrupt{File: segmentName(indexes[i-1] + 1), Reason: "the file is missing"}
		}
	}
	for i, index := range indexes {
		if err := l.load(index, i == len(indexes)-1); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	if l.file == nil {
		next := uint64(1)
		if len(indexes) > 0 {
			next = indexes[len(indexes)-1]
		}
		if err := l.create(next); err != nil {
			return nil, fmt.Errorf("open the vote log: %w", err)
		}
	}
	return l, nil
}

// load reads one segment; the last one stays open for appending.
func (l *Log) load(index uint64, last bool) error {
	name := segmentName(index)
	f, err := l.fs.Open(l.dir, name)
	if err != nil {
		return fmt.Errorf("open the vote log: %w", err)
	}
	keep := false
	defer func() {
		if !keep {
			_ = f.Close() // read only so far; the error that matters is returned
		}
	}()
	born, err := l.header(f, index, last)
	if err != nil || !born {
		return err
	}
	seg := segment{index: index}
	end, reason, err := scan(f, index, func(recs []Record) error { l.remember(&seg, recs); return nil })
	if err != nil {
		return fmt.Errorf("read the vote log %s: %w", name, err)
	}
	if reason != "" {
		if err := l.cut(f, index, end, last, reason); err != nil {
			return err
		}
	}
	seg.size = end
	l.segments = append(l.segments, seg)
	if last {
		// What was read may never have been synced, and a vote that is replayed
		// counts as durable: sync before anyone acts on it.
		if err := f.Sync(); err != nil {
			return fmt.Errorf("sync the vote log: %w", err)
		}
		keep, l.file, l.synced = true, f, end
	}
	return nil
}

// header checks a segment's first bytes. A last segment that a crash left
// without them holds nothing: it is removed, and born is false.
func (l *Log) header(f File, index uint64, last bool) (born bool, err error) {
	name := segmentName(index)
	size, err := f.Size()
	if err != nil {
		return false, fmt.Errorf("open the vote log: %w", err)
	}
	head := make([]byte, min(size, headerBytes))
	if _, err := f.ReadAt(head, 0); err != nil && len(head) == headerBytes {
		return false, fmt.Errorf("read the vote log %s: %w", name, err)
	}
	id, version, reason := checkHeader(head, index)
	switch {
	case reason == "" && version != formatVersion:
		return false, fmt.Errorf("the vote log %s has format %d; this program knows format %d", name, version, formatVersion)
	case reason == "" && id != l.opt.Ledger:
		return false, &Foreign{File: name, Found: id, Want: l.opt.Ledger}
	case reason == "":
		return true, nil
	case !last:
		return false, &Corrupt{File: name, Reason: reason}
	}
	// The header is synced before the first unit is written.
	used := false
	if _, _, err := scan(f, index, func([]Record) error { used = true; return nil }); err != nil {
		return false, fmt.Errorf("read the vote log %s: %w", name, err)
	}
	if !used {
		used, err = syncedBeyond(f, index, 0)
		if err != nil {
			return false, fmt.Errorf("read the vote log %s: %w", name, err)
		}
	}
	if used {
		return false, &Corrupt{File: name, Reason: reason}
	}
	if err := errors.Join(l.fs.Remove(l.dir, name), l.fs.SyncDir(l.dir)); err != nil {
		return false, fmt.Errorf("remove the empty vote log %s: %w", name, err)
	}
	return false, nil
}

// cut removes a torn tail, unless what is damaged had been durable.
func (l *Log) cut(f File, index uint64, end int64, last bool, reason string) error {
	durable := !last // a segment is synced before the next one is created
	if last {
		var err error
		if durable, err = syncedBeyond(f, index, end); err != nil {
			return fmt.Errorf("read the vote log: %w", err)
		}
	}
	if durable {
		return &Corrupt{File: segmentName(index), Offset: end, Reason: reason}
	}
	if err := errors.Join(f.Truncate(end), f.Sync()); err != nil {
		return fmt.Errorf("cut the torn tail of the vote log: %w", err)
	}
	return nil
}
