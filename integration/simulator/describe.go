package simulator

import (
	"fmt"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
)

// kindOf numbers inputs for the hash of events.
func kindOf(in sbft.Input) uint64 {
	switch in.(type) {
	case sbft.PrePrepare:
		return 1
	case sbft.SignShare:
		return 2
	case sbft.Prepare:
		return 3
	case sbft.CommitShare:
		return 4
	case sbft.CommitProof:
		return 5
	case sbft.Combined:
		return 6
	case sbft.Complaint:
		return 7
	case *sbft.ViewChange:
		return 8
	case *sbft.NewView:
		return 9
	case sbft.Checkpoint:
		return 10
	case sbft.CheckpointShare:
		return 11
	case sbft.PeerStatus:
		return 12
	case sbft.Fired:
		return 13
	case sbft.Executed:
		return 14
	case sbft.Durable:
		return 15
	case sbft.Started:
		return 16
	}
	return 17
}

// describe tells an input in a few words.
func describe(in sbft.Input) string {
	switch in := in.(type) {
	case sbft.PrePrepare:
		return fmt.Sprintf("pre-prepare of %d, view %d slot %d, %s, %s path", in.From, in.View, in.Seq, in.Body.Digest.Short(), in.Path)
	case sbft.SignShare:
		return fmt.Sprintf("share of %d, view %d slot %d, %s, fast %v", in.From, in.Slot.View, in.Slot.Seq, in.Slot.Digest.Short(), in.Fast != nil)
	case sbft.Prepare:
		return fmt.Sprintf("prepared, view %d slot %d, %s", in.Slot.View, in.Slot.Seq, in.Slot.Digest.Short())
	case sbft.CommitShare:
		return fmt.Sprintf("commit share of %d, view %d slot %d, %s", in.From, in.Slot.View, in.Slot.Seq, in.Slot.Digest.Short())
	case sbft.CommitProof:
		return fmt.Sprintf("commit proof, view %d slot %d, %s, fast %v", in.Slot.View, in.Slot.Seq, in.Slot.Digest.Short(), in.Fast)
	case sbft.Combined:
		return fmt.Sprintf("combined phase %d, view %d slot %d, %s, good %v", in.Phase, in.Slot.View, in.Slot.Seq, in.Slot.Digest.Short(), in.Certificate != nil)
	case sbft.Complaint:
		return fmt.Sprintf("complaint of %d about view %d", in.From, in.View)
	case *sbft.ViewChange:
		return fmt.Sprintf("view-change of %d to %d, stable %d, %d slots", in.From, in.View, in.Stable.Seq, len(in.Slots))
	case *sbft.NewView:
		return fmt.Sprintf("new view %d, %d messages with it", in.View, len(in.Bodies))
	case sbft.Checkpoint:
		return fmt.Sprintf("checkpoint %d certified", in.Seq)
	case sbft.CheckpointShare:
		return fmt.Sprintf("checkpoint share of %d for %d", in.From, in.Seq)
	case sbft.PeerStatus:
		return fmt.Sprintf("status of %d: view %d active %v executed %d stable %d", in.From, in.View, in.Active, in.Executed, in.Stable)
	case sbft.Fired:
		return fmt.Sprintf("timer %d of slot %d", in.Timer.Kind, in.Timer.Seq)
	case sbft.Executed:
		return fmt.Sprintf("executed %d", in.Height)
	case sbft.Durable:
		return fmt.Sprintf("durable %d", in.Height)
	}
	return fmt.Sprintf("%T", in)
}
