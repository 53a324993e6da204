package catchup

import (
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
)

// Source gives all pieces of one snapshot, the very ones that others are served.
// It is for one goroutine, beside the actor.
type Source struct {
	Height   ledger.Height
	disk     Snapshots
	validity ledger.Time
	state    State
	manifest []byte
}

// NewSource opens the state of a certified checkpoint.
func NewSource(disk Snapshots, validityMax ledger.Time, stable actorspb.Stable) (*Source, error) {
	s := &Source{Height: ledger.Height(stable.Seq), disk: disk, validity: validityMax}
	var err error
	if s.state, err = disk.Open(s.Height); err != nil {
		return nil, err
	}
	s.manifest, err = describe(disk, stable, s.state)
	if err == nil {
		var m *snapshot.Manifest
		if m, err = snapshot.ParseManifest(s.manifest); err == nil && m.Digest() != stable.Digest {
			err = fmt.Errorf("%w: what is stored of height %d is not what was certified", snapshot.ErrSnapshot, s.Height)
		}
	}
	if err != nil {
		_ = s.state.Close() // it only lets go
		return nil, err
	}
	return s, nil
}

// Parts is how many parts the state has.
func (s *Source) Parts() int { return len(s.state.Outline().Parts()) }

// Close lets go of the state.
func (s *Source) Close() error { return s.state.Close() }

// Each gives the pieces by their names: what needs old blocks comes first, as those may be
// pruned meanwhile, and the state, which is held, last.
func (s *Source) Each(fn func(name string, raw []byte) error) error {
	if err := fn(ManifestPiece, s.manifest); err != nil {
		return err
	}
	raw, err := wholeBlock(s.disk, s.Height)
	if err == nil {
		err = fn(nameOf(transfer.Item{Kind: transfer.KindBlock}), raw)
	}
	if err != nil {
		return err
	}
	m, err := snapshot.ParseManifest(s.manifest)
	if err != nil {
		return err
	}
	for top := s.Height; top > 0; {
		raw, err := commandsRun(s.disk, s.validity, s.Height, top)
		if err == nil {
			err = fn(nameOf(transfer.Item{Kind: transfer.KindCommands, Index: uint64(top)}), raw)
		}
		if err != nil {
			return err
		}
		run, err := snapshot.ParseRun(raw)
		if err != nil {
			return err
		}
		if run.Reaches(m.Header.Time, s.validity) {
			break
		}
		top = run.Blocks[0].Height - 1
	}
	for i := range s.Parts() {
		raw, _, err := s.state.Part(i, 0, math.MaxInt64)
		if err == nil {
			err = fn(nameOf(transfer.Item{Kind: transfer.KindState, Index: uint64(i)}), raw) // #nosec G115 -- positive
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// describe makes the manifest of a checkpoint.
func describe(disk Snapshots, stable actorspb.Stable, held State) ([]byte, error) {
	head, err := disk.Head(ledger.Height(stable.Seq))
	if err != nil {
		return nil, err
	}
	head.Certificate, head.Outline = stable.Certificate, held.Outline()
	return head.Marshal(), nil
}

func wholeBlock(disk Snapshots, h ledger.Height) ([]byte, error) {
	b, err := disk.Whole(h)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(b)
}

// commandsRun makes the run that ends with a block, down to where it is long enough or
// nothing older counts at the snapshot's height.
func commandsRun(disk Snapshots, validityMax ledger.Time, at, top ledger.Height) ([]byte, error) {
	head, err := disk.Head(at)
	if err != nil {
		return nil, err
	}
	run := &snapshot.Run{}
	size, read := 0, 0
	for h := top; h > 0 && size < snapshot.RunBytes && read < runReadMax && len(run.Blocks) < runBlocksMax; h-- {
		raw, err := disk.Whole(h)
		if err != nil {
			return nil, err
		}
		b, err := snapshot.NewBlock(raw.GetHeader(), raw.GetOutcome(), raw.GetTxs(), raw.GetResults())
		if err != nil {
			return nil, err
		}
		run.Blocks = append(run.Blocks, b.Commands)
		size += b.Commands.Bytes()
		for i := range raw.GetTxs() {
			read += len(raw.GetTxs()[i]) + len(raw.GetResults()[i])
		}
		if run.Before, err = ledger.HashFromBytes(raw.GetCommandsBefore()); err != nil {
			return nil, err
		}
		if h == 1 || b.Header.Time < head.Header.Time-validityMax { // Run.Reaches
			break
		}
	}
	slices.Reverse(run.Blocks)
	return run.Marshal(), nil
}

// What is read for one run of commands is bounded, as others wait meanwhile.
const (
	runReadMax   = 4 << 20
	runBlocksMax = 512
)
