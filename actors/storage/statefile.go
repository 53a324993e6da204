package storage

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// StateFile is the state as of one height in a file, cut into the parts of its tree,
// so that a part is read at once. The store keeps records by key, and the tree has
// them by the keys' hashes; without the file each part would cost a walk over all.
type StateFile struct {
	Height ledger.Height
	Depth  int
	Parts  []state.Part // 1<<Depth
	Bytes  int64
	ends   []int64
	file   *os.File
}

// stateWriter sorts records into parts: each has its region of the file, whose size is
// known from a first walk, and a small buffer.
type stateWriter struct {
	file    *os.File
	depth   int
	next    []int64 // where the next byte of each part goes
	buffers [][]byte
}

// bufferBytes of a part are written together. All buffers are 64 MiB at most.
const bufferBytes = 4 << 10

// WriteStateFile writes the state as of a height into a new file at path, which goes
// when the file is closed. It walks over the state twice and takes as long as that
// does; ctx ends it.
func (s *Store) WriteStateFile(ctx context.Context, path string, at ledger.Height) (*StateFile, error) {
	sizes, err := s.partSizes(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("measure the state of height %d: %w", at, err)
	}
	f := &StateFile{Height: at}
	f.cut(sizes)
	// #nosec G115 -- positive
	if err := s.checkSpace(uint64(f.Bytes)); err != nil {
		return nil, err
	}
	// #nosec G304 -- our folder
	if f.file, err = os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("write the state of height %d: %w", at, err)
	}
	if err = s.fillStateFile(ctx, f); err == nil {
		err = f.prove(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write the state of height %d: %w", at, err), f.Close())
	}
	return f, nil
}

// partSizes measures the parts of the greatest depth.
func (s *Store) partSizes(ctx context.Context, at ledger.Height) ([]int64, error) {
	sizes := make([]int64, 1<<state.PartsDepthMax)
	err := s.Each(at, func(k, v []byte) error {
		sizes[state.PartIndex(state.PartsDepthMax, k)] += int64(len(k) + len(v) + 8)
		return ctx.Err()
	})
	return sizes, err
}

// cut chooses the depth, which thereby depends on the state alone, and lays out the file.
func (f *StateFile) cut(sizes []int64) {
	for _, n := range sizes {
		f.Bytes += n
	}
	for f.Depth < state.PartsDepthMax && f.Bytes>>f.Depth > snapshot.PartBytes {
		f.Depth++
	}
	f.ends = make([]int64, 1<<f.Depth)
	for i, n := range sizes {
		f.ends[i>>(state.PartsDepthMax-f.Depth)] += n
	}
	for i := 1; i < len(f.ends); i++ {
		f.ends[i] += f.ends[i-1]
	}
}

func (f *StateFile) begin(index int) int64 {
	if index == 0 {
		return 0
	}
	return f.ends[index-1]
}

func (s *Store) fillStateFile(ctx context.Context, f *StateFile) error {
	w := &stateWriter{file: f.file, depth: f.Depth, next: make([]int64, 1<<f.Depth), buffers: make([][]byte, 1<<f.Depth)}
	for i := range w.next {
		w.next[i] = f.begin(i)
	}
	err := s.Each(f.Height, func(k, v []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return w.add(k, v)
	})
	for i := range w.buffers {
		if err == nil {
			err = w.flush(i)
		}
	}
	return err
}

func (w *stateWriter) add(key, value []byte) error {
	i := state.PartIndex(w.depth, key)
	w.buffers[i] = snapshot.AppendPair(w.buffers[i], key, value)
	if len(w.buffers[i]) < bufferBytes {
		return nil
	}
	return w.flush(i)
}

func (w *stateWriter) flush(i int) error {
	if len(w.buffers[i]) == 0 {
		return nil
	}
	_, err := w.file.WriteAt(w.buffers[i], w.next[i])
	w.next[i] += int64(len(w.buffers[i]))
	w.buffers[i] = w.buffers[i][:0]
	return err
}

// prove computes what the tree says of each part.
func (f *StateFile) prove(ctx context.Context) error {
	for i := range f.ends {
		raw, _, err := f.Part(i, 0, f.ends[i]-f.begin(i))
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		pairs, err := snapshot.ParsePairs(raw)
		if err != nil {
			return err
		}
		part, err := state.PartOf(f.Depth, i, pairs)
		if err != nil {
			return err
		}
		f.Parts = append(f.Parts, part)
	}
	return nil
}

// Part reads at most so many bytes of one part's pairs, from an offset on, and tells how
// many there are. Parts are of about snapshot.PartBytes, but whoever looks for keys with
// like hashes can make one of them large.
func (f *StateFile) Part(index int, offset, most int64) (raw []byte, total int64, err error) {
	if index < 0 || index >= len(f.ends) {
		return nil, 0, fmt.Errorf("part %d of the state of height %d: %w", index, f.Height, ErrNotFound)
	}
	total = f.ends[index] - f.begin(index)
	if offset < 0 || offset > total {
		return nil, 0, fmt.Errorf("byte %d of part %d of the state of height %d: %w", offset, index, f.Height, ErrNotFound)
	}
	raw = make([]byte, min(total-offset, most))
	_, err = f.file.ReadAt(raw, f.begin(index)+offset)
	return raw, total, err
}

// Close removes the file.
func (f *StateFile) Close() error {
	return errors.Join(f.file.Close(), os.Remove(f.file.Name()))
}
