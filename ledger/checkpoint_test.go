package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCommandsDigestHoldsEverything(t *testing.T) {
	base := CommandsDigest(Hash{1}, 5, 7, []ExecutedCommand{{Key: Hash{2}, Index: 3, Expires: 9}})
	for name, other := range map[string]Hash{
		"what was before": CommandsDigest(Hash{9}, 5, 7, []ExecutedCommand{{Key: Hash{2}, Index: 3, Expires: 9}}),
		"height":          CommandsDigest(Hash{1}, 6, 7, []ExecutedCommand{{Key: Hash{2}, Index: 3, Expires: 9}}),
		"time":            CommandsDigest(Hash{1}, 5, 8, []ExecutedCommand{{Key: Hash{2}, Index: 3, Expires: 9}}),
		"key":             CommandsDigest(Hash{1}, 5, 7, []ExecutedCommand{{Key: Hash{3}, Index: 3, Expires: 9}}),
		"index":           CommandsDigest(Hash{1}, 5, 7, []ExecutedCommand{{Key: Hash{2}, Index: 4, Expires: 9}}),
		"expiry":          CommandsDigest(Hash{1}, 5, 7, []ExecutedCommand{{Key: Hash{2}, Index: 3, Expires: 8}}),
		"count":           CommandsDigest(Hash{1}, 5, 7, nil),
	} {
		require.NotEqual(t, base, other, name)
	}
	require.Equal(t, "6113e7354f96da490e1c8e7719b5a420fa2e9afefff46e8f2f5f400649807a51", base.String())
	require.Equal(t, "e45be4fef8ffb694096b7a807494051e7cf3a0a72a6cb97dfd8cae82edf17f25", CheckpointDigest(ID{1}, 2, Hash{3}, Outcome{StateRoot: Hash{4}, ResultsRoot: Hash{5}}, Hash{6}).String())
}
