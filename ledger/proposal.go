package ledger

// ProposalBytes is what a primary signs: the slot, the path that it tries first, and
// the digest of what it proposes. Two of them for one slot with different digests
// are proof against it.
func ProposalBytes(id ID, epoch Epoch, view View, seq Seq, path uint8, digest Hash) []byte {
	return NewWriter(DomainPrePrepare, 96).Hash(id).U64(uint64(epoch)).U64(uint64(view)).
		U64(uint64(seq)).U8(path).Hash(digest).Done()
}
