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
	domainManifest ledger.Domain = "concordat/snapshot/1"
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
	Depth       uint8
	Parts       []state.Part // 1<<Depth
}

// Digest is what the checkpoint certificate signs.
func (m *Manifest) Digest() ledger.Hash {
	return ledger.CheckpointDigest(m.Header.Ledger, m.Header.Height, m.Header.Hash(), m.Outcome, m.Commands)
}

// Marshal is the manifest's exact layout.
func (m *Manifest) Marshal() []byte {
	w := ledger.NewWriter(domainManifest, 512+65*len(m.Parts)).Bytes(m.Header.Marshal()).Bytes(m.Outcome.Marshal()).
		Hash(m.Commands).Bytes(m.Certificate).U8(m.Depth)
	for _, p := range m.Parts {
		w.U8(uint8(p.Kind))
		switch p.Kind {
		case state.PartInner:
			w.Hash(p.Hash)
		case state.PartLeaf:
			w.Hash(p.Key).Hash(p.Value)
		}
	}
	return w.Done()
}

// ParseManifest reads what Marshal wrote. It checks nothing but the layout.
func ParseManifest(b []byte) (*Manifest, error) {
	r := ledger.NewReader(domainManifest, b)
	header, outcome := r.Bytes(2*ledger.HeaderBytes), r.Bytes(1<<10)
	m := &Manifest{Commands: r.Hash(), Certificate: r.Bytes(certificate.CertificateBytesMax), Depth: r.U8()}
	if m.Depth > state.PartsDepthMax || len(b) < 1<<m.Depth {
		return nil, fmt.Errorf("%w: %d levels of parts in %d bytes", ErrSnapshot, m.Depth, len(b))
	}
	for range 1 << m.Depth {
		p := state.Part{Kind: state.PartKind(r.U8())}
		switch p.Kind {
		case state.PartEmpty:
		case state.PartInner:
			p.Hash = r.Hash()
		case state.PartLeaf:
			p.Key, p.Value = r.Hash(), r.Hash()
		default:
			return nil, fmt.Errorf("%w: there is no part of kind %d", ErrSnapshot, p.Kind)
		}
		m.Parts = append(m.Parts, p)
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
// the parts are those of its state.
func (m *Manifest) Check(id ledger.ID, epoch ledger.Epoch, keys certificate.Scheme) error {
	if m.Header.Ledger != id || m.Header.Height == 0 {
		return fmt.Errorf("%w: it is not one of this ledger", ErrSnapshot)
	}
	st := certificate.Statement{Ledger: id, Epoch: epoch, Seq: ledger.Seq(m.Header.Height), Phase: certificate.Checkpoint, Digest: m.Digest()}
	if err := keys.Verify(st, m.Certificate); err != nil {
		return fmt.Errorf("%w: checkpoint %d: %w", ErrSnapshot, m.Header.Height, err)
	}
	root, err := state.JoinParts(int(m.Depth), m.Parts)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if root != m.Outcome.StateRoot {
		return fmt.Errorf("%w: its parts give the state %s, certified is %s", ErrSnapshot, root.Short(), m.Outcome.StateRoot.Short())
	}
	return nil
}

// CheckPart reads part number index and verifies it.
func (m *Manifest) CheckPart(index int, raw []byte) ([]state.Pair, error) {
	if index < 0 || index >= len(m.Parts) {
		return nil, fmt.Errorf("%w: there is no part %d", ErrSnapshot, index)
	}
	pairs, err := ParsePairs(raw)
	if err != nil {
		return nil, err
	}
	got, err := state.PartOf(int(m.Depth), index, pairs)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	// A list may show a leaf as if it were an inner node: the root is the same, and so is
	// what counts, the hash. PartOf has checked that the keys belong here.
	if got.Node() != m.Parts[index].Node() {
		return nil, fmt.Errorf("%w: part %d differs from what is certified", ErrSnapshot, index)
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
