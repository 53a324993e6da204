package storage

import (
	"github.com/concordat-ledger/concordat/ledger"
)

// blockRecord is the value under kindBlock: what is read of a block without its
// transactions, and where those are.
type blockRecord struct {
	Hash                    ledger.Hash
	Header, Commit, Outcome []byte
	Txs, Results            index
}

// index says how many items there are and with which each chunk begins.
type index struct {
	Count  uint32
	Firsts []uint32
}

func (b *blockRecord) marshal() []byte {
	var w ledger.Writer
	w.Hash(b.Hash).Bytes(b.Header).Bytes(b.Commit).Bytes(b.Outcome)
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
	out := &blockRecord{Hash: r.Hash(), Header: r.Bytes(len(b)), Commit: r.Bytes(len(b)), Outcome: r.Bytes(len(b))}
	for _, x := range []*index{&out.Txs, &out.Results} {
		x.Count = r.U32()
		x.Firsts = make([]uint32, r.Count(4, chunksMax))
		for i := range x.Firsts {
			x.Firsts[i] = r.U32()
		}
	}
	return out, r.Close()
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
