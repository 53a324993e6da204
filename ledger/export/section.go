package export

import (
	"fmt"
	"hash/crc32"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
)

// Domain begins every export.
const Domain ledger.Domain = "concordat/export/1"

// Kind says what a section holds.
type Kind uint8

// The kinds, in the order in which they come: one begin, blocks, one state, records,
// one end.
const (
	KindBegin  Kind = 'g'
	KindBlock  Kind = 'b'
	KindState  Kind = 's'
	KindRecord Kind = 'r'
	KindEnd    Kind = 'e'
)

// Limits of a section's bytes. Execution bounds what a block's transactions return at
// 16 MiB, and a proposal has at most ledger.BlockBytesMax.
const (
	BlockBytesMax  = 64 << 20
	RecordBytesMax = 2 << 20
	smallBytesMax  = 256
	headBytes      = 5
	sumBytes       = 4
)

func (k Kind) limit() int {
	switch k {
	case KindBegin:
		return ledger.GenesisBytesMax + smallBytesMax
	case KindBlock:
		return BlockBytesMax
	case KindRecord:
		return RecordBytesMax
	case KindState, KindEnd:
		return smallBytesMax
	}
	return -1
}

// Begin says which ledger this is, and from which block on.
type Begin struct {
	Genesis []byte        // the file's exact bytes
	First   ledger.Height // 1, unless older blocks were not there
	Before  ledger.Hash   // ledger.CommandsDigest up to the block before First
}

// End are the totals.
type End struct {
	Blocks, Transactions, Records uint64
	Height                        ledger.Height // of the newest block
	Hash                          ledger.Hash   // of its header
}

// Section is one piece of an export; what does not belong to its kind is empty.
type Section struct {
	Kind        Kind
	Offset      int64 // where it begins in the file
	Begin       Begin
	Block       *chain.Block
	State       ledger.Height // the records are those after this block
	Key, Record []byte        // valid until the next section is read
	End         End
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func marshalBegin(b *Begin) []byte {
	return ledger.NewWriter(Domain, len(b.Genesis)+64).Bytes(b.Genesis).U64(uint64(b.First)).Hash(b.Before).Done()
}

func marshalBlock(b *chain.Block) []byte {
	w := &ledger.Writer{}
	w.U64(uint64(b.Height)).Bytes(b.Header).Bytes(b.Commit).Bytes(b.Outcome).Bytes(b.Certificate).Hash(b.Commands)
	if b.Pruned {
		return w.U8(1).Done()
	}
	w.U8(0)
	for _, items := range [][][]byte{b.Txs, b.Results} {
		w.U32(uint32(len(items))) // #nosec G115 -- at most ledger.BlockTransactionsMax
		for _, item := range items {
			w.Bytes(item)
		}
	}
	return w.Done()
}

func marshalEnd(e *End) []byte {
	var w ledger.Writer
	return w.U64(e.Blocks).U64(e.Transactions).U64(e.Records).U64(uint64(e.Height)).Hash(e.Hash).Done()
}

// parse takes a section apart. The parts of a block alias raw.
func parse(kind Kind, raw []byte) (*Section, error) {
	s := &Section{Kind: kind}
	r := ledger.NewPlainReader(raw)
	switch kind {
	case KindBegin:
		r = ledger.NewReader(Domain, raw)
		s.Begin = Begin{Genesis: r.Bytes(ledger.GenesisBytesMax), First: ledger.Height(r.U64()), Before: r.Hash()}
	case KindBlock:
		n := len(raw)
		b := &chain.Block{Height: ledger.Height(r.U64()), Header: r.Bytes(n), Commit: r.Bytes(n), Outcome: r.Bytes(n),
			Certificate: r.Bytes(n), Commands: r.Hash()}
		switch r.U8() {
		case 0:
			b.Txs, b.Results = items(r, n), items(r, n)
		case 1:
			b.Pruned = true
		default:
			return nil, fmt.Errorf("%w: a block of unknown form", ledger.ErrLayout)
		}
		s.Block = b
	case KindState:
		s.State = ledger.Height(r.U64())
	case KindRecord:
		s.Key, s.Record = r.Bytes(len(raw)), r.Bytes(len(raw))
	case KindEnd:
		s.End = End{Blocks: r.U64(), Transactions: r.U64(), Records: r.U64(), Height: ledger.Height(r.U64()), Hash: r.Hash()}
	}
	return s, r.Close()
}

func items(r *ledger.Reader, limit int) [][]byte {
	out := make([][]byte, r.Count(4, ledger.BlockTransactionsMax))
	for i := range out {
		out[i] = r.Bytes(limit)
	}
	return out
}
