package ledger

// BlockTransactionsMax and BlockBytesMax bound a proposal; genesis may choose
// less. One largest envelope always fits.
const (
	BlockTransactionsMax = 5000
	BlockBytesMax        = EnvelopeBytesMax + 1<<20
)

// Proposal is what a primary proposes for a slot: a time and an ordered batch of
// envelopes, as received. An empty one with time 0 is the null request.
type Proposal struct {
	Time Time
	Txs  [][]byte
}

// Body is a proposal together with what was computed from it once.
type Body struct {
	Proposal
	Root   Hash // RFC 6962 root over Txs
	Digest Hash // what votes are about
}

// NewBody computes root and digest.
func NewBody(id ID, p Proposal) *Body {
	root := NewMerkleTree(p.Txs).Root()
	return &Body{Proposal: p, Root: root, Digest: ProposalDigest(id, p.Time, root, len(p.Txs))}
}

// ProposalDigest is the value R that agreement is about. It holds no view and
// no parent: several slots are agreed at once, and a view change compares R.
func ProposalDigest(id ID, at Time, root Hash, count int) Hash {
	return NewWriter(DomainProposal, 96).Hash(id).
		U64(uint64(at)).Hash(root).U32(uint32(count)).Sum() // #nosec G115 -- count is bounded, time is two's complement
}

// Header is a block's identity: its place in the chain and what was agreed.
type Header struct {
	Ledger   ID
	Epoch    Epoch
	Height   Height
	Parent   Hash // hash of the header before; of genesis, the ledger id
	Time     Time // the block's time: Proposed, but never before the parent's
	Proposed Time // the time that was agreed; a new view may bring an old one, or 0 of a null block
	TxRoot   Hash
	TxCount  uint32
}

// BlockTime is the time of a block: what was proposed, but never earlier than its
// parent's, because a view change may put an older proposal behind a younger one.
func BlockTime(parent, proposed Time) Time { return max(parent, proposed) }

// HeaderBytes is the length of a marshalled header.
const HeaderBytes = 4 + len(DomainHeader) + 3*HashSize + 4*8 + 4

// Marshal is the header's exact layout.
func (h *Header) Marshal() []byte {
	return NewWriter(DomainHeader, HeaderBytes).
		Hash(h.Ledger).U64(uint64(h.Epoch)).U64(uint64(h.Height)).Hash(h.Parent).
		U64(uint64(h.Time)).U64(uint64(h.Proposed)).Hash(h.TxRoot).U32(h.TxCount).Done() // #nosec G115 -- times are two's complement
}

// Hash names the block and links the next one to it.
func (h *Header) Hash() Hash {
	return NewWriter(DomainHeader, HeaderBytes).Bytes(h.Marshal()).Sum()
}

// ProposalDigest is the digest that the commit certificate of this block signs.
func (h *Header) ProposalDigest() Hash {
	return ProposalDigest(h.Ledger, h.Proposed, h.TxRoot, int(h.TxCount))
}

// ParseHeader reads what Marshal wrote.
func ParseHeader(b []byte) (*Header, error) {
	r := NewReader(DomainHeader, b)
	h := readHeader(r)
	if err := r.Close(); err != nil {
		return nil, err
	}
	return h, nil
}

func readHeader(r *Reader) *Header {
	return &Header{
		Ledger: r.Hash(), Epoch: Epoch(r.U64()), Height: Height(r.U64()), Parent: r.Hash(),
		Time: Time(r.U64()), Proposed: Time(r.U64()), TxRoot: r.Hash(), TxCount: r.U32(), // #nosec G115 -- two's complement
	}
}
