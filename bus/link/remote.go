package link

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/concordat-ledger/concordat/bus"
	"github.com/concordat-ledger/concordat/ledger"
)

// RemoteTarget is the target that carries messages between actors.
const RemoteTarget = "actor"

// AddressPrefix begins the address of another member's actor system.
const AddressPrefix = "concordat://"

const domainRemote ledger.Domain = "concordat/actor/1"

// Remote makes PIDs of other members' processes usable like local ones. Only
// messages of allowed protobuf types travel, only to exported actors, and the
// sender's PID is built from the authenticated name, never from the payload.
type Remote struct {
	system   *actor.ActorSystem
	links    *Links
	types    map[string]protoreflect.MessageType
	exported map[string]bool
	mu       sync.Mutex
	peers    map[string]*process // by address
}

// NewRemote connects an actor system to the links. allowed names the message
// types that may travel; exported the local actor ids that others may reach.
func NewRemote(system *actor.ActorSystem, links *Links, allowed []proto.Message, exported []string) (*Remote, error) {
	r := &Remote{system: system, links: links, types: map[string]protoreflect.MessageType{},
		exported: map[string]bool{}, peers: map[string]*process{}}
	for _, m := range allowed {
		name := m.ProtoReflect().Descriptor().FullName()
		t, err := protoregistry.GlobalTypes.FindMessageByName(name)
		if err != nil {
			return nil, fmt.Errorf("actor messages of type %s: %w", name, err)
		}
		r.types[string(name)] = t
	}
	for _, id := range exported {
		r.exported[id] = true
	}
	system.ProcessRegistry.RegisterAddressResolver(r.resolve)
	links.Handle(RemoteTarget, r.receive)
	return r, nil
}

// Address of a member's actor system.
func Address(id bus.MemberID) string { return AddressPrefix + string(id) }

func (r *Remote) resolve(pid *actor.PID) (actor.Process, bool) {
	id, ok := strings.CutPrefix(pid.Address, AddressPrefix)
	if !ok {
		return nil, false
	}
	if _, known := r.links.peers[bus.MemberID(id)]; !known {
		return nil, false // the library makes it a dead letter
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peers[pid.Address]
	if p == nil {
		p = &process{remote: r, peer: bus.MemberID(id)}
		r.peers[pid.Address] = p
	}
	return p, true
}

var errRemote = errors.New("unusable actor message")

func (r *Remote) receive(d Delivery) error {
	in := ledger.NewReader(domainRemote, d.Payload)
	target, sender, name := in.String(128), in.String(128), in.String(128)
	body := in.Bytes(r.links.cfg.Limits.BulkBytesMax)
	if err := in.Close(); err != nil {
		return fmt.Errorf("%w: %w", errRemote, err)
	}
	if !r.exported[target] && !strings.HasPrefix(target, "future$") {
		return fmt.Errorf("%w: actor %q is not to be reached from outside", errRemote, target)
	}
	t := r.types[name]
	if t == nil {
		return fmt.Errorf("%w: type %q may not travel", errRemote, name)
	}
	msg := t.New().Interface()
	if err := proto.Unmarshal(body, msg); err != nil {
		return fmt.Errorf("%w: %w", errRemote, err)
	}
	to := actor.NewPID(r.system.Address(), target)
	if sender == "" {
		r.system.Root.Send(to, msg)
		return nil
	}
	r.system.Root.RequestWithCustomSender(to, msg, actor.NewPID(Address(d.From), sender))
	return nil
}

// process is a member's actor system as the local one sees it.
type process struct {
	remote *Remote
	peer   bus.MemberID
}

// SendUserMessage encodes and queues a message for the member.
func (p *process) SendUserMessage(pid *actor.PID, message any) {
	_, body, sender := actor.UnwrapEnvelope(message)
	if _, dead := body.(*actor.DeadLetterResponse); dead {
		return // the library says that an actor is not there yet; the sender asks again anyway
	}
	m, ok := body.(proto.Message)
	name := ""
	if ok {
		name = string(m.ProtoReflect().Descriptor().FullName())
	}
	if p.remote.types[name] == nil {
		p.remote.links.cfg.Logger.Error("a message that may not travel was sent to another member", "type", fmt.Sprintf("%T", body))
		return
	}
	data, err := proto.Marshal(m)
	if err != nil {
		p.remote.links.cfg.Logger.Error("encode a message for another member", "error", err)
		return
	}
	from := ""
	if sender != nil && sender.Address == p.remote.system.Address() {
		from = sender.Id
	}
	w := ledger.NewWriter(domainRemote, 128+len(data)).String(pid.Id).String(from).String(name).Bytes(data)
	_ = p.remote.links.Send(p.peer, bus.Bulk, RemoteTarget, w.Done()) // counted there
}

// SendSystemMessage refuses to control another member's actors. A watch is
// answered at once when the member cannot be reached.
func (p *process) SendSystemMessage(pid *actor.PID, message any) {
	if w, ok := message.(*actor.Watch); ok && !p.remote.links.Connected(p.peer) {
		if local, found := p.remote.system.ProcessRegistry.Get(w.Watcher); found {
			local.SendSystemMessage(w.Watcher, &actor.Terminated{Who: pid, Why: actor.TerminatedReason_AddressTerminated})
		}
	}
}

// Stop does nothing: the member's actors are its own.
func (p *process) Stop(*actor.PID) {}
