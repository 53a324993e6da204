package export

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
)

// ErrOrder means that sections were written out of order.
var ErrOrder = errors.New("the parts of an export come in a fixed order")

// Writer writes an export: blocks from Begin.First on, State, records, End. It makes
// two writes a section, so give it a buffered one.
type Writer struct {
	to    io.Writer
	next  ledger.Height
	total End
	state bool
}

// NewWriter begins an export.
func NewWriter(to io.Writer, b *Begin) (*Writer, error) {
	w := &Writer{to: to, next: b.First}
	return w, w.section(KindBegin, marshalBegin(b))
}

func (w *Writer) section(kind Kind, payload []byte) error {
	if len(payload) > kind.limit() {
		return fmt.Errorf("a section of kind %q has %d bytes, the limit is %d", kind, len(payload), kind.limit())
	}
	var head, tail ledger.Writer
	begin := head.U8(uint8(kind)).U32(uint32(len(payload))).Done() // #nosec G115 -- limited above
	sum := crc32.Update(crc32.Checksum(begin, castagnoli), castagnoli, payload)
	if _, err := w.to.Write(begin); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	if _, err := w.to.Write(append(payload, tail.U32(sum).Done()...)); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}

// Block writes the next block. hash is that of its header.
func (w *Writer) Block(b *chain.Block, hash ledger.Hash) error {
	if w.state || b.Height != w.next {
		return fmt.Errorf("%w: block %d where %d is expected", ErrOrder, b.Height, w.next)
	}
	w.next++
	w.total.Blocks++
	w.total.Transactions += uint64(len(b.Txs))
	w.total.Height, w.total.Hash = b.Height, hash
	return w.section(KindBlock, marshalBlock(b))
}

// State says that the records which follow are those after a block.
func (w *Writer) State(at ledger.Height) error {
	if w.state {
		return fmt.Errorf("%w: there is one state", ErrOrder)
	}
	w.state = true
	var payload ledger.Writer
	return w.section(KindState, payload.U64(uint64(at)).Done())
}

// Record writes a record, in the order of the store.
func (w *Writer) Record(key, record []byte) error {
	if !w.state {
		return fmt.Errorf("%w: a record before the state begins", ErrOrder)
	}
	w.total.Records++
	var payload ledger.Writer
	return w.section(KindRecord, payload.Bytes(key).Bytes(record).Done())
}

// End writes the totals, and tells them.
func (w *Writer) End() (End, error) {
	if !w.state {
		return End{}, fmt.Errorf("%w: the state is missing", ErrOrder)
	}
	return w.total, w.section(KindEnd, marshalEnd(&w.total))
}
