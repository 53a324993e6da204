package explore

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
)

// message is something that was sent. Messages are numbered; equal ones are one.
type message struct {
	input sbft.Input
	to    uint16 // nodes that it may reach, as bits
	view  ledger.View
	late  ledger.View // an ordered search gives it to nobody in an earlier view
	dies  bool        // it is of no use to who is in a later view
	share bool        // arrives together with others of its kind
	move  bool        // so does a view-change message
	slot  sbft.SlotID // of a share
	phase certificate.Phase
	from  ledger.ReplicaID
	first origin
}

// origin is where a message was sent first: by whom, when it was where, upon what, and
// which of the messages that it sent then.
type origin struct {
	node  int
	place uint32
	by    action
	index int
}

// catalogue numbers messages.
type catalogue struct {
	list    []message
	numbers map[[sha256.Size]byte]uint32
}

func (c *catalogue) number(m message) uint32 {
	key := sha256.Sum256(m.key())
	if at, ok := c.numbers[key]; ok {
		return at
	}
	at := uint32(len(c.list)) // #nosec G115 -- thousands
	c.list, c.numbers[key] = append(c.list, m), at
	return at
}

// key is what makes two messages different.
func (m *message) key() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d %d %d %d %v ", m.to, m.view, m.phase, m.from, m.slot)
	switch in := m.input.(type) {
	case sbft.PrePrepare:
		fmt.Fprintf(&b, "proposal %d %d %d %x", in.View, in.Seq, in.Path, in.Body.Digest)
	case *sbft.ViewChange:
		fmt.Fprintf(&b, "view change %x", in.Digest)
	case *sbft.NewView:
		fmt.Fprintf(&b, "new view %x", in.Payload)
	case sbft.Fetched:
		fmt.Fprintf(&b, "body %d %d %x", in.From, in.Seq, in.Body.Digest)
	default: // nothing in the others is behind a pointer
		fmt.Fprintf(&b, "%T %v", in, in)
	}
	return b.Bytes()
}

// classify says how the search treats a message; false: it is left out.
func classify(in sbft.Input) (m message, ok bool) {
	m = message{input: in, dies: true}
	switch in := in.(type) {
	case sbft.PrePrepare:
		m.view = in.View
	case sbft.SignShare:
		m.view, m.share, m.slot, m.phase, m.from = in.Slot.View, true, in.Slot, certificate.Prepare, in.From
	case sbft.CommitShare:
		m.view, m.share, m.slot, m.phase, m.from = in.Slot.View, true, in.Slot, certificate.Commit, in.From
	case sbft.Prepare:
		m.view = in.Slot.View
	case *sbft.ViewChange:
		m.view, m.move, m.from = in.View, true, in.From
	case *sbft.NewView:
		m.view = in.View
	case sbft.CommitProof:
		m.dies, m.late = false, in.Slot.View
	case sbft.FetchBody, sbft.Fetched:
		m.dies = false
	default:
		return m, false
	}
	return m, true
}
