package snapshot

import (
	"errors"
	"fmt"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// PartBytes is about how much a part of the state holds.
const PartBytes = 256 << 10

const (
	domainManifest ledger.Domain = "concordat/snapshot/2"
	domainRun      ledger.Domain = "concordat/snapshot-commands/1"
)

// ErrSnapshot is wrapped by every error about a piece that does not hold.
var ErrSnapshot = errors.New("the snapshot does not hold")

// Manifest is a certified checkpoint with the list of its state's parts.
type Manifest struct {
	Header      ledger.Header
	Outcome     ledger.Outcome
	Commands    ledger.Hash // ledger.CommandsDigest up to and with this block
	Certificate certificate.Certificate
	Outline     state.Outline // of the state, down to parts of about PartBytes
}

// Digest is what the checkpoint certificate signs.
func (m *Manifest) Digest() ledger.Hash {
	return ledger.CheckpointDigest(m.Header.Ledger, m.Header.Height, m.Header.Hash(), m.Outcome, m.Commands)
}

// Marshal is the manifest's exact layout.
func (m *Manifest) Marshal() []byte {
	w := ledger.NewWriter(domainManifest, 512+36*len(m.Outline)).Bytes(m.Header.Marshal()).Bytes(m.Outcome.Marshal()).
		Hash(m.Commands).Bytes(m.Certificate).U32(uint32(len(m.Outline))) // #nosec G115 -- at most twice state.PartsMax
	for _, n := range m.Outline {
		if n.Part {
			w.U8(1).Hash(n.Hash)
		} else {
			w.U8(0).U16(uint16(n.Pos)) // #nosec G115 -- at most state.PositionMax
		}
	}
	return w.Done()
}

// ParseManifest reads what Marshal wrote. It checks nothing but the layout.
func ParseManifest(b []byte) (*Manifest, error) {
	r := ledger.NewReader(domainManifest, b)
	header, outcome := r.Bytes(2*ledger.HeaderBytes), r.Bytes(1<<10)
	m := &Manifest{Commands: r.Hash(), Certificate: r.Bytes(certificate.CertificateBytesMax)}
	for range r.Count(3, 2*state.PartsMax) {
		switch kind := r.U8(); kind {
		case 0:
			m.Outline = append(m.Outline, state.OutlineNode{Pos: int(r.U16())})
		case 1:
			m.Outline = append(m.Outline, state.OutlineNode{Part: true, Hash: r.Hash()})
		default:
			return nil, fmt.Errorf("%w: there is no node of kind %d", ErrSnapshot, kind)
		}
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	h, err := ledger.ParseHeader(header)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	o, err := ledger.ParseOutcome(outcome)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	m.Header, m.Outcome = *h, *o
	return m, nil
}

// Check verifies that 2f+c+1 replicas of the ledger certify this checkpoint, and that
// the outline is that of its state.
func (m *Manifest) Check(id ledger.ID, epoch ledger.Epoch, keys certificate.Scheme) error {
	if m.Header.Ledger != id || m.Header.Height == 0 {
		return fmt.Errorf("%w: it is not one of this ledger", ErrSnapshot)
	}
	st := certificate.Statement{Ledger: id, Epoch: epoch, Seq: ledger.Seq(m.Header.Height), Phase: certificate.Checkpoint, Digest: m.Digest()}
	if err := keys.Verify(st, m.Certificate); err != nil {
		return fmt.Errorf("%w: checkpoint %d: %w", ErrSnapshot, m.Header.Height, err)
	}
	root, err := m.Outline.Root()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if root != m.Outcome.StateRoot {
		return fmt.Errorf("%w: its outline gives the state %s, certified is %s", ErrSnapshot, root.Short(), m.Outcome.StateRoot.Short())
	}
	return nil
}

// CheckPart reads a part and verifies it.
func CheckPart(part state.OutlineNode, raw []byte) ([]state.Pair, error) {
	pairs, err := ParsePairs(raw)
	if err != nil {
		return nil, err
	}
	got, err := state.PartHash(pairs)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if got != part.Hash {
		return nil, fmt.Errorf("%w: a part differs from what is certified", ErrSnapshot)
	}
	return pairs, nil
}

// AppendPair appends a pair to a part's bytes.
func AppendPair(b, key, value []byte) []byte {
	var w ledger.Writer
	return append(b, w.Bytes(key).Bytes(value).Done()...)
}

// ParsePairs reads the pairs of a part; they alias raw.
func ParsePairs(raw []byte) ([]state.Pair, error) {
	var out []state.Pair
	r := ledger.NewPlainReader(raw)
	for r.Remaining() > 0 && r.Err() == nil {
		out = append(out, state.Pair{Key: r.Bytes(len(raw)), Value: r.Bytes(len(raw))})
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	return out, nil
}
