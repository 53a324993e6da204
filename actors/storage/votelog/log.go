package votelog

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
)

// ErrFailed is wrapped by everything a log answers after a write or a sync
// failed once. The kernel may have dropped the dirty pages, so a later success
// would prove nothing: only reading the log anew, after a restart, tells what is there.
var ErrFailed = errors.New("the vote log has failed; restart the replica")

// ErrClosed is returned after Close.
var ErrClosed = errors.New("the vote log is closed")

// Log is an open vote log. All methods may be called by several goroutines.
type Log struct {
	fs  FS
	dir string
	opt Options

	syncing sync.Mutex // held through an fsync, so that those who wait share the next one; taken before mu

	mu       sync.Mutex
	file     File // the last segment, open for appending
	segments []segment
	synced   int64  // bytes of the last segment known durable
	units    uint64 // appended since Open
	durable  uint64 // of these, on disk
	kept     map[uint8]keptRecord
	buf      []byte
	failed   error
}

// keptRecord is the newest Seq-0 record of a kind, and where it lies.
type keptRecord struct {
	data    []byte
	segment uint64
}

func (l *Log) remember(seg *segment, recs []Record) {
	for _, r := range recs {
		seg.seqMax = max(seg.seqMax, r.Seq)
		if r.Seq == 0 {
			l.kept[r.Kind] = keptRecord{data: bytes.Clone(r.Data), segment: seg.index}
		}
	}
}

func (l *Log) fail(err error) error {
	if l.failed == nil {
		l.failed = fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return l.failed
}

// create starts a segment; the caller holds mu or is alone.
func (l *Log) create(index uint64) error {
	f, err := l.fs.Create(l.dir, segmentName(index))
	if err != nil {
		return err
	}
	if _, err = f.Write(encodeHeader(index, l.opt.Ledger)); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = l.fs.SyncDir(l.dir)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.file, l.synced = f, headerBytes
	l.segments = append(l.segments, segment{index: index, size: headerBytes})
	return nil
}

// Append writes recs as one unit: after a crash all of them are there, or none.
// It is durable after the next Sync. Errors: ErrTooBig (nothing is written),
// ErrFailed, ErrClosed.
func (l *Log) Append(recs []Record) error {
	size, err := unitBytes(recs)
	if err != nil || len(recs) == 0 {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.append(recs, size)
}

func (l *Log) append(recs []Record, size int) error {
	if l.failed != nil {
		return l.failed
	}
	seg := &l.segments[len(l.segments)-1]
	if seg.size > headerBytes && seg.size+int64(size) > l.opt.SegmentBytes {
		if err := l.rotate(); err != nil {
			return l.fail(err)
		}
		seg = &l.segments[len(l.segments)-1]
	}
	l.buf = appendUnit(l.buf[:0], recs, size, seg.index, seg.size, l.synced)
	_, err := l.file.Write(l.buf)
	if cap(l.buf) > 1<<20 {
		l.buf = nil // do not hold the memory of one large proposal for ever
	}
	if err != nil {
		return l.fail(err)
	}
	seg.size += int64(size)
	l.units++
	l.remember(seg, recs)
	return nil
}

func (l *Log) rotate() error {
	if err := l.file.Sync(); err != nil {
		return err
	}
	l.durable = l.units
	if err := l.file.Close(); err != nil {
		return err
	}
	return l.create(l.segments[len(l.segments)-1].index + 1)
}

// Sync returns nil when everything appended before it is durable. One fsync
// serves all who wait. An error is for ever: see ErrFailed.
func (l *Log) Sync() error {
	l.mu.Lock()
	want := l.units
	l.mu.Unlock()
	l.syncing.Lock()
	defer l.syncing.Unlock()

	l.mu.Lock()
	if l.failed != nil || l.durable >= want {
		defer l.mu.Unlock()
		return l.failed
	}
	f, units, seg := l.file, l.units, l.segments[len(l.segments)-1]
	l.mu.Unlock()

	err := f.Sync() // without mu: others append meanwhile, and share the next sync

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.durable >= units { // a rotation synced and closed the file under us
		return l.failed
	}
	if err != nil {
		return l.fail(err)
	}
	l.durable = units
	if l.segments[len(l.segments)-1].index == seg.index {
		l.synced = max(l.synced, seg.size)
	}
	return l.failed
}

// Replay calls fn for each record in the order of writing, without the Seq-0
// records that a newer one replaced. Data is the caller's.
// Records of truncated slots may still appear. fn must not use the log.
func (l *Log) Replay(fn func(rec Record) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	for _, seg := range l.segments {
		if err := l.replay(seg, fn); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) replay(seg segment, fn func(rec Record) error) error {
	name := segmentName(seg.index)
	f, err := l.fs.Open(l.dir, name)
	if err != nil {
		return fmt.Errorf("replay the vote log: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	end, reason, err := scan(f, seg.index, func(recs []Record) error {
		for _, r := range recs {
			if k := l.kept[r.Kind]; r.Seq == 0 && (k.segment != seg.index || !bytes.Equal(k.data, r.Data)) {
				continue
			}
			r.Data = bytes.Clone(r.Data) // the window over the file is used again
			if err := fn(r); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("replay the vote log: %w", err)
	case end < seg.size:
		return &Corrupt{File: name, Offset: end, Reason: reason}
	}
	return nil
}

// Truncate says that records with Seq in 1..seq are no longer needed. Whole
// segments are dropped; Seq-0 records that live in them are written anew first.
func (l *Log) Truncate(seq uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	drop := 0
	for drop < len(l.segments)-1 && l.segments[drop].seqMax <= seq {
		drop++
	}
	if drop == 0 {
		return nil
	}
	if err := l.rescue(l.segments[drop].index); err != nil {
		return err
	}
	for drop > 0 { // oldest first: a crash leaves a contiguous rest
		if err := l.fs.Remove(l.dir, segmentName(l.segments[0].index)); err != nil {
			return l.fail(err)
		}
		if err := l.fs.SyncDir(l.dir); err != nil {
			return l.fail(err)
		}
		l.segments = l.segments[1:]
		drop--
	}
	return nil
}

// rescue writes the Seq-0 records that lie below segment first to the log's end, durably.
func (l *Log) rescue(first uint64) error {
	wrote := false
	for kind := range 256 {
		k, ok := l.kept[uint8(kind)] // #nosec G115 -- below 256
		if !ok || k.segment >= first {
			continue
		}
		recs := []Record{{Kind: uint8(kind), Data: k.data}} // #nosec G115 -- below 256
		size, err := unitBytes(recs)
		if err == nil {
			err = l.append(recs, size)
		}
		if err != nil {
			return err
		}
		wrote = true
	}
	if !wrote {
		return nil
	}
	if err := l.file.Sync(); err != nil {
		return l.fail(err)
	}
	l.durable, l.synced = l.units, l.segments[len(l.segments)-1].size
	return nil
}

// Close syncs and closes the log.
func (l *Log) Close() error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	var err error
	if l.failed == nil {
		err = l.file.Sync()
	}
	err = errors.Join(err, l.file.Close())
	l.file = nil
	if l.failed == nil {
		l.failed = ErrClosed
	}
	return err
}
