package storage

import (
	"github.com/concordat-ledger/concordat/ledger"
)

// blockRecord is the value under kindBlock: what is read of a block without its
// transactions, and where those are.
type blockRecord struct {
	Hash, CommandsSum       ledger.Hash
	Header, Commit, Outcome []byte
	Txs, Results            index
}

func (b *blockRecord) marshal() []byte {
	var w ledger.Writer
	w.Hash(b.Hash).Hash(b.CommandsSum).Bytes(b.Header).Bytes(b.Commit).Bytes(b.Outcome)
	for _, x := range []index{b.Txs, b.Results} {
		w.U32(x.Count).U32(uint32(len(x.Firsts))) // #nosec G115 -- at most chunksMax
		for _, first := range x.Firsts {
			w.U32(first)
		}
	}
	return w.Done()
}

func parseBlockRecord(b []byte) (*blockRecord, error) {
	r := ledger.NewPlainReader(b)
	out := &blockRecord{Hash: r.Hash(), CommandsSum: r.Hash(), Header: r.Bytes(len(b)), Commit: r.Bytes(len(b)), Outcome: r.Bytes(len(b))}
	for _, x := range []*index{&out.Txs, &out.Results} {
		x.Count = r.U32()
		x.Firsts = make([]uint32, r.Count(4, chunksMax))
		for i := range x.Firsts {
			x.Firsts[i] = r.U32()
		}
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	if err := out.Txs.check(); err != nil {
		return nil, err
	}
	return out, out.Results.check()
}

func marshalCommand(c Command) []byte {
	var w ledger.Writer
	return w.U64(uint64(c.Height)).U32(c.Index).U64(uint64(c.Expires)).Done() // #nosec G115 -- two's complement
}

func parseCommand(key ledger.Hash, b []byte) (Command, error) {
	r := ledger.NewPlainReader(b)
	c := Command{Key: key, Height: ledger.Height(r.U64()), Index: r.U32(), Expires: ledger.Time(r.U64())} // #nosec G115 -- two's complement
	return c, r.Close()
}

func marshalPlace(h ledger.Height, i uint32) []byte {
	var w ledger.Writer
	return w.U64(uint64(h)).U32(i).Done()
}

func parsePlace(b []byte) (ledger.Height, uint32, error) {
	r := ledger.NewPlainReader(b)
	h, i := ledger.Height(r.U64()), r.U32()
	return h, i, r.Close()
}

func marshalHeight(h ledger.Height) []byte {
	var w ledger.Writer
	return w.U64(uint64(h)).Done()
}

func parseHeight(b []byte) (ledger.Height, error) {
	r := ledger.NewPlainReader(b)
	h := ledger.Height(r.U64())
	return h, r.Close()
}

func (t *tip) marshal() []byte {
	var w ledger.Writer
	return w.U64(uint64(t.height)).Hash(t.hash).Done()
}

func parseTip(b []byte) (*tip, error) {
	r := ledger.NewPlainReader(b)
	t := &tip{height: ledger.Height(r.U64()), hash: r.Hash()}
	return t, r.Close()
}
