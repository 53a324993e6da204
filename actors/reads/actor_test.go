package reads

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// failing is a store whose reads of state fail.
type failing struct {
	Store
	err error
}

func (f failing) State(*ledgerpb.StateRequest, ledger.Recipient, ledger.Height) (*ledgerpb.StateReply, error) {
	return nil, f.err
}
func (failing) Pruned(error) bool { return false }

type damage struct{}

func (damage) Error() string { return "secret" }
func (damage) Damaged() bool { return true }

// What went wrong is for the operator: it may name a key that the reader may not see.
func TestAReplicasOwnErrorsAreLoggedAndNotTold(t *testing.T) {
	body, err := proto.Marshal(&ledgerpb.LookupRequest{What: &ledgerpb.LookupRequest_State{State: &ledgerpb.StateRequest{Key: []byte("k")}}})
	require.NoError(t, err)
	for want, err := range map[string]error{
		"is being repaired": fmt.Errorf("read: %w", damage{}),
		"its log says why":  errors.New("key secret cannot be read"),
	} {
		var log strings.Builder
		r := &reads{cfg: &Config{Store: failing{err: err}}}
		reply, _ := r.lookup(body, 0, slog.New(slog.NewTextHandler(&log, nil)))
		require.Equal(t, ledgerpb.Refusal_REFUSAL_INTERNAL, reply.GetError().GetRefusal())
		require.Contains(t, reply.GetError().GetMessage(), want)
		require.NotContains(t, reply.GetError().GetMessage(), "secret")
		require.Contains(t, log.String(), "secret")
	}
}
