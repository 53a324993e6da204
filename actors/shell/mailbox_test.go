package shell

import (
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
)

// told records what a mailbox invokes.
type told struct{ got chan any }

func (t *told) InvokeSystemMessage(msg any) { t.got <- msg }
func (t *told) InvokeUserMessage(msg any)   { t.got <- msg }
func (t *told) EscalateFailure(any, any)    {}

// An actor's PID is known before it runs, so others may write to it in the moment
// between its registration and its start. Nothing is processed before the start,
// and nothing is lost.
func TestAMessageBeforeTheStartWaits(t *testing.T) {
	m := newMailbox([]Lane{{Name: "all", Capacity: 10}}, nil, false, func(string) {})
	m.PostUserMessage("early")
	to := &told{make(chan any, 10)}
	m.RegisterHandlers(to, actor.NewDefaultDispatcher(1))
	m.PostUserMessage("still early")
	m.PostSystemMessage("started")
	select {
	case msg := <-to.got:
		t.Fatalf("%v was processed before the start", msg)
	default:
	}
	m.Start()
	var got []any
	for range 3 {
		select {
		case msg := <-to.got:
			got = append(got, msg)
		case <-time.After(10 * time.Second):
			t.Fatalf("only %v arrived", got)
		}
	}
	require.True(t, slices.Equal([]any{"started", "early", "still early"}, got), "%v", got)
}
