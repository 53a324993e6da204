package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/export"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
)

// Export is the source that an exported ledger is.
type Export struct {
	file   io.Reader
	reader *export.Reader
	begin  *export.Begin
	size   uint64          // of the file; 0: unknown
	state  *export.Section // once it was read
	end    *export.End
}

// OpenExport begins to read an export of the ledger that rules are of. A file can be
// gone on with; of a stream it is not known how long it is.
func OpenExport(file io.Reader, rules *chain.Rules) (*Export, error) {
	e := &Export{file: file}
	if f, ok := file.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			e.size = uint64(info.Size()) // #nosec G115 -- positive
		}
	}
	var err error
	if e.reader, e.begin, err = export.NewReader(file); err != nil {
		return nil, readFault(err)
	}
	return e, rules.SameGenesis(e.begin.Genesis)
}

// readFault leaves faults as they are; all else says nothing about the ledger.
func readFault(err error) error {
	if err == nil || chain.IsFault(err) || errors.Is(err, io.EOF) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnreadable, err)
}

// Kind implements Source.
func (e *Export) Kind() string { return "export" }

// Begin implements Source.
func (e *Export) Begin() (ledger.Height, ledger.Hash) { return e.begin.First, e.begin.Before }

// Next implements Source.
func (e *Export) Next() (*Block, error) {
	s, err := e.reader.Next()
	if err != nil {
		if s != nil && s.Block != nil {
			return &Block{Block: *s.Block}, err
		}
		return nil, readFault(err)
	}
	switch {
	case s.Kind == export.KindState:
		e.state = s
		return nil, io.EOF
	case s.Block == nil:
		return nil, unreadable("there is something else where a block is expected")
	}
	return &Block{Block: *s.Block, At: Position{Height: s.Block.Height, Offset: s.Offset}}, nil
}

// Again implements Source.
func (e *Export) Again(at Position) (*Block, error) {
	seeker, ok := e.file.(io.Seeker)
	if !ok {
		return nil, unreadable("one cannot go on with a stream; name the file")
	}
	if at.Offset == 0 { // there the export begins, and no block
		return nil, unreadable("what was kept is not of this export; remove the progress file to check from the beginning")
	}
	if _, err := seeker.Seek(at.Offset, io.SeekStart); err != nil {
		return nil, unreadable("go on with the export: %w", err)
	}
	e.reader.Continue(e.file, at.Offset, at.Height)
	b, err := e.Next()
	if errors.Is(err, io.EOF) {
		return nil, unreadable("it has no block %d where it had one", at.Height)
	}
	return b, err
}

// State implements Source.
func (e *Export) State() (ledger.Height, chain.Record, error) {
	if e.state == nil {
		return 0, nil, unreadable("the blocks have not been read to their end")
	}
	return e.state.State, func() (key, record []byte, ok bool, err error) {
		s, err := e.reader.Next()
		if err != nil {
			return nil, nil, false, readFault(err)
		}
		if s.Kind == export.KindEnd {
			e.end = &s.End
			return nil, nil, false, nil
		}
		return s.Key, s.Record, true, nil
	}, nil
}

// Finish implements Source.
func (e *Export) Finish(m *chain.Summary) error {
	got := export.End{Blocks: m.Counts.Blocks, Transactions: m.Counts.Transactions, Records: m.Counts.Records, Height: m.Height, Hash: m.Hash}
	if e.end == nil || *e.end != got {
		return chain.NewFault(0, chain.PartEnd, "its totals are not those of what stands before it")
	}
	if _, err := e.reader.Next(); !errors.Is(err, io.EOF) {
		return readFault(err)
	}
	return nil
}

// Done implements Source.
func (e *Export) Done() (done, total uint64) { return uint64(e.reader.Offset()), e.size } // #nosec G115 -- positive

// Close implements Source.
func (e *Export) Close() error {
	if c, ok := e.file.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Write exports what a source has. It reads every value, so damage that the source knows
// of by itself is refused; what was forged is for Verify to find.
func Write(ctx context.Context, to io.Writer, genesis []byte, src Source, progress func(Progress)) (*export.End, error) {
	first, before := src.Begin()
	buffered := bufio.NewWriterSize(to, 1<<20)
	w, err := export.NewWriter(buffered, &export.Begin{Genesis: genesis, First: first, Before: before})
	if err != nil {
		return nil, err
	}
	p := Progress{}
	for {
		b, err := src.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		header, err := ledger.ParseHeader(b.Header)
		if err != nil {
			return nil, chain.NewFault(b.Height, chain.PartHeader, "%w", err)
		}
		if err := w.Block(&b.Block, header.Hash()); err != nil {
			return nil, err
		}
		p.Height, p.Transactions = b.Height, p.Transactions+uint64(len(b.Txs))
		p.tell(src, progress)
	}
	if p.Height == 0 {
		return nil, unreadable("the ledger has no block yet")
	}
	if err := writeState(ctx, w, src, &p, progress); err != nil {
		return nil, err
	}
	end, err := w.End()
	if err != nil {
		return nil, err
	}
	if err := buffered.Flush(); err != nil {
		return nil, fmt.Errorf("write the export: %w", err)
	}
	return &end, nil
}

func writeState(ctx context.Context, w *export.Writer, src Source, p *Progress, progress func(Progress)) error {
	at, next, err := src.State()
	if err != nil {
		return err
	}
	if err := w.State(at); err != nil {
		return err
	}
	for {
		key, record, ok, err := next()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !ok {
			return err
		}
		if err := w.Record(key, record); err != nil {
			return err
		}
		p.Records++
		p.tell(src, progress)
	}
}
