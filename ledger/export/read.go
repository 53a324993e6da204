package export

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
)

// ErrNoExport means that a file is something else.
var ErrNoExport = errors.New("this is not an export of a ledger")

var (
	errCut    = errors.New("the export is cut off here")
	errSum    = errors.New("the export is damaged here: the checksum does not match")
	errKind   = errors.New("the export is damaged here: what comes next does not belong here")
	errLength = errors.New("the export is damaged here: a length is impossible")
	errMore   = errors.New("something follows it")
)

// Reader reads an export, section by section. What is wrong with it is a *chain.Fault;
// other errors are those of the reader below. It is not safe for concurrent use.
type Reader struct {
	from   *bufio.Reader
	offset int64
	next   ledger.Height // of the block that comes next
	state  ledger.Height // of the records; 0: blocks still come
	last   []byte        // key of the newest record
	record []byte        // kept between records
	begun  bool          // the beginning was read
	ended  bool
}

const (
	bufferBytes = 256 << 10
	stepBytes   = 1 << 20 // of a section are asked for before the bytes are there
)

// NewReader reads the beginning.
func NewReader(from io.Reader) (*Reader, *Begin, error) {
	r := &Reader{from: bufio.NewReaderSize(from, bufferBytes)}
	head, err := r.from.Peek(headBytes + 4 + len(Domain))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("read the export: %w", err)
	}
	if len(head) < headBytes+4 || !bytes.HasSuffix(head, []byte(Domain)) || Kind(head[0]) != KindBegin {
		return nil, nil, ErrNoExport
	}
	s, err := r.section()
	if err != nil {
		return nil, nil, err
	}
	r.next, r.begun = s.Begin.First, true
	return r, &s.Begin, nil
}

// Offset is where the next section begins.
func (r *Reader) Offset() int64 { return r.offset }

// Continue goes on at a section that is known to be block next's, which from gives.
func (r *Reader) Continue(from io.Reader, offset int64, next ledger.Height) {
	r.from.Reset(from)
	r.offset, r.next = offset, next
}

// Next reads a section; io.EOF after the end mark. With a *chain.Fault of a block comes
// the damaged section, if it can be taken apart: its content may tell where the damage is.
func (r *Reader) Next() (*Section, error) {
	if r.ended {
		if _, err := r.from.ReadByte(); errors.Is(err, io.EOF) {
			return nil, io.EOF
		} else if err != nil {
			return nil, fmt.Errorf("read the export: %w", err)
		}
		return nil, chain.NewFault(0, chain.PartEnd, "%w", errMore)
	}
	s, err := r.section()
	if err != nil {
		return s, err
	}
	switch s.Kind {
	case KindBlock:
		r.next++
	case KindState:
		r.state = s.State
	case KindRecord:
		r.last = append(r.last[:0], s.Key...)
	case KindEnd:
		r.ended = true
	}
	return s, nil
}

// fault names the place that the reader has come to.
func (r *Reader) fault(reason error) error {
	switch {
	case r.state == 0 && r.next == 0:
		return chain.NewFault(0, chain.PartGenesis, "%w", reason)
	case r.state == 0:
		return chain.NewFault(r.next, chain.PartBlock, "%w", reason)
	case r.last == nil:
		return chain.NewFault(r.state, chain.PartRecord, "%w, before the first record", reason)
	}
	return chain.NewFault(r.state, chain.PartRecord, "%w, after the record %q", reason, r.last)
}

// allowed tells which kinds may come now.
func (r *Reader) allowed(k Kind) bool {
	switch {
	case !r.begun:
		return k == KindBegin
	case r.state == 0:
		return k == KindBlock || k == KindState
	}
	return k == KindRecord || k == KindEnd
}

func (r *Reader) section() (*Section, error) {
	var head [headBytes]byte
	if err := r.fill(head[:]); err != nil {
		return nil, err
	}
	kind, length := Kind(head[0]), binary.BigEndian.Uint32(head[1:])
	if !r.allowed(kind) {
		return nil, r.fault(errKind)
	}
	// #nosec G115 -- known kinds have positive limits
	if uint64(length) > uint64(kind.limit()) {
		return nil, r.fault(errLength)
	}
	payload, err := r.payload(kind, int(length))
	if err != nil {
		return nil, err
	}
	var tail [sumBytes]byte
	if err := r.fill(tail[:]); err != nil {
		return nil, err
	}
	at := r.offset
	sum := crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, payload)
	s, bad := parse(kind, payload)
	switch {
	case sum != binary.BigEndian.Uint32(tail[:]):
		return r.damaged(s, bad)
	case bad != nil:
		return nil, r.fault(bad)
	case kind == KindState && s.State == 0:
		return nil, r.fault(errKind)
	}
	s.Offset = at
	r.offset += int64(headBytes + len(payload) + sumBytes)
	return s, nil
}

// damaged names the record whose checksum is wrong, unless its key is what changed.
func (r *Reader) damaged(s *Section, bad error) (*Section, error) {
	if bad != nil {
		return nil, r.fault(errSum)
	}
	switch s.Kind {
	case KindBlock:
		return s, r.fault(errSum)
	case KindRecord:
		return nil, &chain.Fault{Height: r.state, Part: chain.PartRecord, Key: bytes.Clone(s.Key), Index: chain.Unknown, Reason: errSum}
	case KindEnd:
		return nil, chain.NewFault(0, chain.PartEnd, "%w", errSum)
	}
	return nil, r.fault(errSum)
}

func (r *Reader) fill(b []byte) error {
	_, err := io.ReadFull(r.from, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.fault(errCut)
	}
	if err != nil {
		return fmt.Errorf("read the export: %w", err)
	}
	return nil
}

// payload reads so many bytes, a step at a time: a false length costs one step.
func (r *Reader) payload(kind Kind, n int) ([]byte, error) {
	var b []byte
	if kind == KindRecord {
		b = r.record[:0] // blocks are handed on, records are not
	}
	for len(b) < n {
		have := len(b)
		step := min(n-have, max(stepBytes, have))
		if cap(b) < have+step {
			b = append(make([]byte, 0, have+step), b...)
		}
		b = b[:have+step]
		if err := r.fill(b[have:]); err != nil {
			return nil, err
		}
	}
	if kind == KindRecord {
		r.record = b
	}
	return b, nil
}
