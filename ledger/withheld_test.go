package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
)

// A result that withholds an event is proven like the whole one, and holds nothing of the
// event but a hash; whatever else stands in its place does not parse, or is another result.
func TestAWithheldEventIsProvenByItsHash(t *testing.T) {
	bob := ledger.NewAudience("bob@b")
	whole := &ledger.Result{Events: []ledger.Event{{Contract: "c", Topic: "open", Data: []byte("for all")},
		{Contract: "c", Topic: "sealed", Data: []byte("confidential"), Audience: bob.Encode()}}}
	none := whole.Shown(func(a ledger.Audience) bool { return false })
	require.NotContains(t, string(none.Marshal()), "confidential")
	require.NotContains(t, string(none.Marshal()), "sealed")
	require.NotContains(t, string(none.Marshal()), "bob@b")
	require.Contains(t, string(none.Marshal()), "for all")
	require.Equal(t, whole.Leaf(), none.Leaf())
	again, err := ledger.ParseShownResult(none.Marshal())
	require.NoError(t, err)
	_, err = ledger.ParseResult(none.Marshal())
	require.ErrorIs(t, err, ledger.ErrLayout, "a replica that was away takes none that withholds something")
	_, err = ledger.ParseResult(whole.Marshal())
	require.NoError(t, err)
	require.Equal(t, whole.Leaf(), again.Leaf())
	require.True(t, again.Events[1].Withheld())
	require.False(t, again.Events[0].Withheld())
	require.Same(t, whole, whole.Shown(func(a ledger.Audience) bool { return a[0] == "bob@b" }))
	require.Contains(t, string(whole.Marshal()), "confidential", "the whole one stays whole")
	require.Equal(t, again.Marshal(), again.Shown(func(ledger.Audience) bool { return true }).Marshal(), "what is withheld stays so")

	again.Events[1].Data[0] ^= 1
	require.NotEqual(t, whole.Leaf(), again.Leaf())
	for _, spoil := range []func(*ledger.Event){
		func(e *ledger.Event) { e.Data = e.Data[:31] },
		func(e *ledger.Event) { e.Topic = "t" },
		func(e *ledger.Event) { e.Audience = []byte{1} },
	} {
		e := again.Events[1]
		spoil(&e)
		_, err := ledger.ParseShownResult((&ledger.Result{Events: []ledger.Event{e}}).Marshal())
		require.ErrorIs(t, err, ledger.ErrLayout)
	}
}
