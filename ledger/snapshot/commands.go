package snapshot

import (
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
)

// RunBytes is about how much a run of commands holds.
const RunBytes = 256 << 10

// BlockCommands are the commands that one block brought into the duplicate window.
type BlockCommands struct {
	Height   ledger.Height
	Time     ledger.Time
	Commands []ledger.ExecutedCommand
}

// Run is the commands of consecutive blocks, ascending, and the chain of digests
// before them. It is checked against the chain's value after them; then Before is as
// certain as that, and the run below can be checked.
type Run struct {
	Before ledger.Hash
	Blocks []BlockCommands
}

const commandBytes = ledger.HashSize + 4 + 8

// Bytes is about how long the block is in a run.
func (b *BlockCommands) Bytes() int { return 20 + commandBytes*len(b.Commands) }

// Marshal is the run's exact layout.
func (r *Run) Marshal() []byte {
	w := ledger.NewWriter(domainRun, RunBytes).Hash(r.Before).U32(uint32(len(r.Blocks))) // #nosec G115 -- bounded by RunBytes
	for i := range r.Blocks {
		b := &r.Blocks[i]
		w.U64(uint64(b.Height)).U64(uint64(b.Time)).U32(uint32(len(b.Commands))) // #nosec G115 -- as above, two's complement
		for _, c := range b.Commands {
			w.Hash(c.Key).U32(c.Index).U64(uint64(c.Expires)) // #nosec G115 -- two's complement
		}
	}
	return w.Done()
}

// ParseRun reads what Marshal wrote.
func ParseRun(raw []byte) (*Run, error) {
	r := ledger.NewReader(domainRun, raw)
	out := &Run{Before: r.Hash()}
	out.Blocks = make([]BlockCommands, r.Count(20, len(raw)))
	for i := range out.Blocks {
		b := &out.Blocks[i]
		b.Height, b.Time = ledger.Height(r.U64()), ledger.Time(r.U64()) // #nosec G115 -- two's complement
		b.Commands = make([]ledger.ExecutedCommand, r.Count(commandBytes, ledger.BlockTransactionsMax))
		for j := range b.Commands {
			b.Commands[j] = ledger.ExecutedCommand{Key: r.Hash(), Index: r.U32(), Expires: ledger.Time(r.U64())} // #nosec G115 -- two's complement
		}
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return out, nil
}

// Check verifies that the run ends with the block of height top, after which the chain
// of digests has the value sum.
func (r *Run) Check(top ledger.Height, sum ledger.Hash) error {
	n := ledger.Height(len(r.Blocks))
	if n == 0 || n > top {
		return fmt.Errorf("%w: a run of %d blocks up to %d", ErrSnapshot, n, top)
	}
	at := r.Before
	for i := range r.Blocks {
		b := &r.Blocks[i]
		// #nosec G115 -- positive
		if want := top - n + 1 + ledger.Height(i); b.Height != want {
			return fmt.Errorf("%w: commands of block %d where %d is expected", ErrSnapshot, b.Height, want)
		}
		at = ledger.CommandsDigest(at, b.Height, b.Time, b.Commands)
	}
	if at != sum {
		return fmt.Errorf("%w: the commands of blocks %d to %d are not those that were certified", ErrSnapshot, top-n+1, top)
	}
	return nil
}

// Reaches reports whether no block before a checked run can have a command that still
// counts at a time: its first block is the ledger's first, or older than a command can
// live.
func (r *Run) Reaches(now ledger.Time, validityMax ledger.Time) bool {
	first := &r.Blocks[0]
	return first.Height == 1 || first.Time < now-validityMax
}
