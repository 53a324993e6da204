package ledger

// ExecutedCommand is an entry of the duplicate window as its block brought it.
type ExecutedCommand struct {
	Key     Hash
	Index   uint32 // of its transaction in the block
	Expires Time
}

// CommandsDigest continues the chain of digests over every block's commands. Whoever is
// given the chain's value some blocks ago and the commands since then can check them
// against the present value; and since the times of blocks are in it, and a command
// lives no longer than the ledger's limit, that no older one can still count. So the
// duplicate window can be certified without being hashed as a whole.
func CommandsDigest(before Hash, h Height, at Time, commands []ExecutedCommand) Hash {
	w := NewWriter(DomainCommands, 96+48*len(commands)).Hash(before).U64(uint64(h)).U64(uint64(at)). // #nosec G115 -- two's complement
														U32(uint32(len(commands))) // #nosec G115 -- bounded by the block
	for _, c := range commands {
		w.Hash(c.Key).U32(c.Index).U64(uint64(c.Expires)) // #nosec G115 -- two's complement
	}
	return w.Sum()
}

// CheckpointDigest is what a checkpoint signs: everything that is replicated, after a
// block. Configuration and keys are in the state or in genesis, which the ledger's id names.
func CheckpointDigest(id ID, h Height, block Hash, o Outcome, commands Hash) Hash {
	return NewWriter(DomainCheckpoint, 224).Hash(id).U64(uint64(h)).Hash(block).Hash(o.StateRoot).Hash(o.ResultsRoot).Hash(commands).Sum()
}
