package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"github.com/google/renameio/v2"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
)

const domainKept ledger.Domain = "concordat/verify-progress/1"

// keptBytesMax bounds the file.
const keptBytesMax = 16 << 10

// Kept is how far a run came, for one that goes on. It is the auditor's own file: who
// can change it can make a check pass over blocks.
type Kept struct {
	Mark chain.Mark
	At   Position // of the block that the mark names
}

// Marshal is the file's exact layout.
func (k *Kept) Marshal() []byte {
	// #nosec G115 -- offsets are positive
	return ledger.NewWriter(domainKept, 1024).Bytes(k.Mark.Marshal()).U64(uint64(k.At.Offset)).Done()
}

// ParseKept reads what Marshal wrote.
func ParseKept(raw []byte) (*Kept, error) {
	r := ledger.NewReader(domainKept, raw)
	mark := r.Bytes(keptBytesMax)
	offset := r.U64()
	err := r.Close()
	if err == nil && offset > math.MaxInt64 {
		err = fmt.Errorf("%w: no file is so long", ledger.ErrLayout)
	}
	if err != nil {
		return nil, fmt.Errorf("read how far the check came: %w", err)
	}
	m, err := chain.ParseMark(mark)
	if err != nil {
		return nil, fmt.Errorf("read how far the check came: %w", err)
	}
	return &Kept{Mark: *m, At: Position{Height: m.Height, Offset: int64(offset)}}, nil // #nosec G115 -- compared above
}

// LoadKept reads the file; nil if there is none.
func LoadKept(path string) (*Kept, error) {
	raw, err := os.ReadFile(path) // #nosec G304 -- the user names the file
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable("read how far the check came: %w", err)
	}
	k, err := ParseKept(raw)
	if err != nil {
		return nil, unreadable("%s: %w; remove it to check from the beginning", path, err)
	}
	return k, nil
}

// Save replaces the file at once or not at all.
func (k *Kept) Save(path string) error {
	if err := renameio.WriteFile(path, k.Marshal(), 0o600); err != nil {
		return fmt.Errorf("keep how far the check has come: %w", err)
	}
	return nil
}
