package certificate

import (
	"errors"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/quorum"
)

// Phase says what a share is for. A share of one phase is never valid in
// another: the phase is in the signed bytes, and with BLS the keys differ too.
type Phase uint8

// The phases and their thresholds.
const (
	Fast       Phase = 1 // σ: 3f+c+1 shares commit at once
	Prepare    Phase = 2 // τ: 2f+c+1 shares prepare
	Commit     Phase = 3 // τ over τ: 2f+c+1 shares commit what was prepared
	Checkpoint Phase = 4 // τ: 2f+c+1 shares make a height stable
)

// Threshold is the number of shares that a phase's certificate needs; 0 for a
// phase that has none.
func (p Phase) Threshold(q quorum.Config) int {
	switch p {
	case Fast:
		return q.Fast()
	case Prepare, Commit, Checkpoint:
		return q.Slow()
	default:
		return 0
	}
}

// Statement is what the shares of a commit certificate sign.
type Statement struct {
	Ledger ledger.ID
	Epoch  ledger.Epoch
	View   ledger.View
	Seq    ledger.Seq
	Phase  Phase
	Digest ledger.Hash
}

// Bytes is the signed layout.
func (s Statement) Bytes() []byte {
	return ledger.NewWriter(ledger.DomainVote, 96).Hash(s.Ledger).U64(uint64(s.Epoch)).U64(uint64(s.View)).
		U64(uint64(s.Seq)).U8(uint8(s.Phase)).Hash(s.Digest).Done()
}

// ExecutionStatement is what an execution certificate signs: the outcome of a
// block. It holds no epoch, because the ledger key outlives memberships.
type ExecutionStatement struct {
	Ledger      ledger.ID
	Height      ledger.Height
	Block       ledger.Hash // hash of the block's header
	StateRoot   ledger.Hash
	ResultsRoot ledger.Hash
}

// Bytes is the signed layout.
func (s ExecutionStatement) Bytes() []byte {
	return ledger.NewWriter(ledger.DomainOutcome, 144).Hash(s.Ledger).U64(uint64(s.Height)).
		Hash(s.Block).Hash(s.StateRoot).Hash(s.ResultsRoot).Done()
}

// Share is one replica's contribution. Its signature is unchecked until a
// Scheme says otherwise.
type Share struct {
	Signer    ledger.ReplicaID
	Signature []byte
}

// Certificate is a combined proof of a Statement: a scheme byte and its body.
type Certificate []byte

// ExecutionCertificate is a compressed point of G1, 48 bytes.
type ExecutionCertificate []byte

// CertificateBytesMax bounds a certificate of any scheme at ReplicasMax.
const CertificateBytesMax = 2 + quorum.ReplicasMax/8 + 1 + quorum.ReplicasMax*ledger.SignatureSize

// Errors that callers decide on.
var (
	ErrNotEnough = errors.New("not enough valid shares for a certificate")
	ErrInvalid   = errors.New("the certificate does not verify")
	ErrShare     = errors.New("the share does not verify")
	ErrKeys      = errors.New("unusable key material")
)

// Signer holds one replica's secret for commit votes.
type Signer interface {
	ID() ledger.ReplicaID
	Sign(Statement) (Share, error)
}

// Scheme combines and verifies commit certificates under one epoch's public
// keys. It is safe for concurrent use.
type Scheme interface {
	Name() string
	// Combine needs at least the phase's threshold of shares from distinct
	// signers. When the combination does not verify it returns the signers whose
	// share is bad, and a certificate all the same if enough good ones are left.
	Combine(Statement, []Share) (Certificate, []ledger.ReplicaID, error)
	Verify(Statement, Certificate) error
	VerifyShare(Statement, Share) error
}

// distinct drops shares of impossible or repeated signers, in the order given.
func distinct(shares []Share, n int) []Share {
	seen := make([]bool, n)
	out := make([]Share, 0, len(shares))
	for _, s := range shares {
		if int(s.Signer) < n && !seen[s.Signer] {
			seen[s.Signer] = true
			out = append(out, s)
		}
	}
	return out
}
