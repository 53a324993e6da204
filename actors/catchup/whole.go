package catchup

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
)

// PieceError says which piece of a snapshot does not hold.
type PieceError struct {
	Piece string
	Err   error
}

func (e *PieceError) Error() string { return e.Piece + ": " + e.Err.Error() }

// Unwrap gives the reason.
func (e *PieceError) Unwrap() error { return e.Err }

func pieceError(name string, err error) error {
	if err == nil {
		return nil
	}
	return &PieceError{Piece: name, Err: err}
}

// CheckManifest reads a manifest and verifies it against the ledger's keys.
func CheckManifest(cfg *Config, raw []byte) (*snapshot.Manifest, error) {
	m, err := snapshot.ParseManifest(raw)
	if err != nil {
		return nil, err
	}
	return m, m.Check(cfg.Ledger, cfg.Epoch, cfg.Public.Commit())
}

// Assemble puts a snapshot together from its pieces, which get reads by their names,
// and checks all but the state's parts; those are checked as Records gives them. Of
// the configuration it needs what says which ledger it is. A piece that does not hold is
// named by a *PieceError.
func Assemble(ctx context.Context, cfg *Config, m *snapshot.Manifest, get func(name string) ([]byte, bool, error)) (*Snapshot, error) {
	in := &Snapshot{Manifest: m}
	read := func(item transfer.Item) ([]byte, string, error) {
		name := nameOf(item)
		raw, ok, err := get(name)
		if err != nil || !ok {
			return nil, name, pieceError(name, missing(err))
		}
		return raw, name, nil
	}
	raw, name, err := read(transfer.Item{Kind: transfer.KindBlock})
	if err != nil {
		return nil, err
	}
	check := joining{cfg: cfg, manifest: m, sum: m.Commands}
	if in.Agreed, in.Block, err = check.checkBlock(raw); err != nil {
		return nil, pieceError(name, err)
	}
	for top := m.Header.Height; top > 0; {
		raw, name, err := read(transfer.Item{Kind: transfer.KindCommands, Index: uint64(top)})
		if err != nil {
			return nil, err
		}
		run, err := snapshot.ParseRun(raw)
		if err == nil {
			in.Commands = appendCounting(in.Commands, run, m.Header.Time)
			top, err = check.takeRun(raw, top)
		}
		if err != nil {
			return nil, pieceError(name, err)
		}
	}
	in.Records = func(emit func(key, value []byte) error) error {
		for i, part := range m.Outline.Parts() {
			raw, name, err := read(transfer.Item{Kind: transfer.KindState, Index: uint64(i)}) // #nosec G115 -- positive
			if err != nil {
				return err
			}
			pairs, err := snapshot.CheckPart(part, raw)
			if err != nil {
				return pieceError(name, err)
			}
			for _, p := range pairs {
				if err := emit(p.Key, p.Value); err != nil {
					return err
				}
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return nil
	}
	return in, nil
}

// missing says that a piece is not here; err: it cannot be read.
func missing(err error) error {
	if err == nil {
		err = snapshot.ErrSnapshot
	}
	return fmt.Errorf("%w: it is not here", err)
}

// appendCounting takes the commands that still count.
func appendCounting(to []actorspb.Command, run *snapshot.Run, now ledger.Time) []actorspb.Command {
	for i := range run.Blocks {
		for _, cmd := range run.Blocks[i].Commands {
			if cmd.Expires >= now {
				to = append(to, actorspb.Command{Key: cmd.Key, Place: ledger.Place{Height: run.Blocks[i].Height, Index: cmd.Index}, Expires: cmd.Expires})
			}
		}
	}
	return to
}

// takeRun checks a run that ends with top, and moves on to the one below.
func (j *joining) takeRun(raw []byte, top ledger.Height) (below ledger.Height, err error) {
	run, err := snapshot.ParseRun(raw)
	if err != nil {
		return 0, err
	}
	if err := run.Check(top, j.sum); err != nil {
		return 0, err
	}
	j.sum = run.Before
	if run.Reaches(j.manifest.Header.Time, j.cfg.ValidityMax) {
		return 0, nil
	}
	return run.Blocks[0].Height - 1, nil
}

// checkBlock checks the snapshot's own block: it is the certified one, and whole.
func (j *joining) checkBlock(raw []byte) (*actorspb.AgreedBlock, *snapshot.Block, error) {
	var b actorspb.AgreedBlock
	if err := proto.Unmarshal(raw, &b); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errBlock, err)
	}
	block, err := snapshot.NewBlock(b.GetHeader(), b.GetOutcome(), b.GetTxs(), b.GetResults())
	if err != nil {
		return nil, nil, err
	}
	if block.Header != j.manifest.Header || block.Outcome != j.manifest.Outcome {
		return nil, nil, fmt.Errorf("%w: it is another block", errBlock)
	}
	before, err := ledger.HashFromBytes(b.GetCommandsBefore())
	if err != nil || ledger.CommandsDigest(before, block.Header.Height, block.Header.Time, block.Commands.Commands) != j.manifest.Commands {
		return nil, nil, fmt.Errorf("%w: its commands are not those that were certified", errBlock)
	}
	return &b, block, checkCommit(j.cfg, &block.Header, b.GetCommit())
}
