package gateway

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/bus/server"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// Kinds of actorspb.Read.
const (
	kindQuery  = 1
	kindStatus = 2
	kindLookup = 3
)

// read is a request that one replica can answer, or, for a status, all.
type read struct {
	request  server.Request
	kind     uint32
	body     []byte
	deadline time.Time
	again    time.Time
	at       ledger.ReplicaID // who was asked last
	behind   int              // replicas in a row that do not reach min yet
	lacking  int              // replicas that say another one may have it
	said     []byte           // what the last of them said
	min      ledger.Height    // what the application has a receipt of must be in the answer
	statuses []*ledgerpb.ReplicaStatus
}

func (g *gateway) onRead(c *shell.Context, r server.Request) {
	var in proto.Message
	kind := uint32(0)
	switch r.Endpoint {
	case "status":
		in, kind = &ledgerpb.StatusRequest{}, kindStatus
	case "lookup":
		in, kind = &ledgerpb.LookupRequest{}, kindLookup
	case "query":
		in, kind = &ledgerpb.QueryRequest{}, kindQuery
	}
	if len(r.Body) > 0 {
		if err := decode(r, in); err != nil {
			g.failRead(r, kind, refusal(ledgerpb.Refusal_REFUSAL_MALFORMED, 0, "the request cannot be read: %v", err))
			return
		}
	}
	body, err := proto.Marshal(in)
	if err != nil || len(g.reads) >= pendingMax {
		g.failRead(r, kind, refusal(ledgerpb.Refusal_REFUSAL_OVERLOADED, overloadRetry, "this client node is overloaded; try again in %d ms", overloadRetry))
		return
	}
	now := time.Now()
	rd := &read{request: r, kind: kind, body: body, deadline: now.Add(readTimeout), again: now.Add(readRetry), min: g.newest}
	g.next++
	rd.at = ledger.ReplicaID(g.next % uint64(g.node.quorum.N())) // #nosec G115 -- below n; replicas share the reads
	g.reads[g.next] = rd
	if kind == kindStatus {
		rd.min = 0
		rd.deadline, rd.again = now.Add(statusTimeout), now.Add(statusWait)
		for id := range g.node.quorum.N() {
			g.ask(c, g.next, rd, ledger.ReplicaID(id)) // #nosec G115 -- below n
		}
		return
	}
	g.askNext(c, g.next, rd)
}

func (g *gateway) ask(c *shell.Context, number uint64, rd *read, id ledger.ReplicaID) {
	rd.at = id
	c.Tell(g.node.replica(id, "reads"), &actorspb.Read{Request: number, Kind: rd.kind, Body: rd.body, MinHeight: uint64(rd.min)})
}

// askNext asks the next replica that can be reached.
func (g *gateway) askNext(c *shell.Context, number uint64, rd *read) {
	n := g.node.quorum.N()
	for i := range n {
		id := ledger.ReplicaID((int(rd.at) + i) % n) // #nosec G115 -- below n
		if g.node.connected(id) {
			g.ask(c, number, rd, id)
			rd.at = id + 1
			return
		}
	}
}

// connected is how many replicas can be asked.
func (g *gateway) connected() (n int) {
	for id := range g.node.quorum.N() {
		// #nosec G115 -- below n
		if g.node.connected(ledger.ReplicaID(id)) {
			n++
		}
	}
	return n
}

func (g *gateway) onReadReply(c *shell.Context, m *actorspb.ReadReply) {
	rd := g.reads[m.GetRequest()]
	if rd == nil || rd.kind != m.GetKind() {
		return
	}
	if m.GetBehind() && rd.kind != kindStatus {
		if rd.behind++; rd.behind < g.node.quorum.N() {
			g.askNext(c, m.GetRequest(), rd)
		} else { // a block is stored shortly after its certificate
			rd.behind, rd.again = 0, time.Now()
		}
		return
	}
	if m.GetElsewhere() && rd.kind != kindStatus {
		if rd.lacking++; rd.lacking < g.connected() {
			rd.again, rd.said = time.Now().Add(readRetry), m.GetBody()
			g.askNext(c, m.GetRequest(), rd)
			return
		}
	}
	if rd.kind != kindStatus {
		g.answerRead(m.GetRequest(), rd, m.GetBody())
		return
	}
	var st ledgerpb.StatusReply
	if proto.Unmarshal(m.GetBody(), &st) == nil && len(st.GetReplicas()) == 1 {
		g.addStatus(c, rd, st.GetReplicas()[0])
		if len(rd.statuses) == g.node.quorum.N() {
			delete(g.reads, m.GetRequest())
			answer(rd.request, g.status(rd.statuses))
		}
	}
}

// answerRead gives what a replica said to whoever asked.
func (g *gateway) answerRead(number uint64, rd *read, body []byte) {
	var out proto.Message = &ledgerpb.LookupReply{}
	if rd.kind == kindQuery {
		out = &ledgerpb.QueryReply{}
	}
	if proto.Unmarshal(body, out) == nil {
		delete(g.reads, number)
		answer(rd.request, out)
	}
}

// addStatus takes a replica's word about itself, and nobody else's.
func (g *gateway) addStatus(c *shell.Context, rd *read, s *ledgerpb.ReplicaStatus) {
	if c.Sender() == nil || !strings.HasSuffix(c.Sender().GetAddress(), "/"+s.GetId()) {
		return
	}
	if !slices.ContainsFunc(rd.statuses, func(o *ledgerpb.ReplicaStatus) bool { return o.GetId() == s.GetId() }) {
		rd.statuses = append(rd.statuses, s)
	}
}

// status joins what the replicas say.
func (g *gateway) status(list []*ledgerpb.ReplicaStatus) *ledgerpb.StatusReply {
	out := &ledgerpb.StatusReply{Ledger: g.node.genesis.Name, LedgerId: g.node.id.String(), Node: g.node.cfg.ID,
		LedgerKey: hexOf(g.key), View: uint64(g.view), Primary: g.node.quorum.Primary(g.view).String()}
	for id := range g.node.quorum.N() {
		name := ledger.ReplicaID(id).String() // #nosec G115 -- below n
		i := slices.IndexFunc(list, func(s *ledgerpb.ReplicaStatus) bool { return s.GetId() == name })
		if i < 0 {
			out.Replicas = append(out.Replicas, &ledgerpb.ReplicaStatus{Id: name, Summary: "does not answer"})
			continue
		}
		out.Replicas = append(out.Replicas, list[i])
	}
	// The newest height that f+1 replicas have: at least one of them is honest.
	heights := make([]uint64, 0, len(list))
	for _, s := range list {
		heights = append(heights, s.GetHeight())
	}
	slices.Sort(heights)
	if need := g.node.quorum.Weak(); len(heights) >= need {
		out.Height = heights[len(heights)-need]
		for _, s := range list {
			if s.GetHeight() == out.Height {
				out.StateRoot = s.GetStateRoot()
			}
		}
	}
	out.Summary = "the ledger is running"
	if len(list) < g.node.quorum.Slow() {
		out.Summary = "too few replicas answer for the ledger to progress"
	}
	return out
}

func hexOf(b []byte) string { return string(must(ledger.HexBytes(b).MarshalText())) }

func must(b []byte, _ error) []byte { return b } // MarshalText of HexBytes has no error

func (g *gateway) failRead(r server.Request, kind uint32, e *ledgerpb.Error) {
	switch kind {
	case kindStatus:
		answer(r, &ledgerpb.StatusReply{Error: e})
	case kindLookup:
		answer(r, &ledgerpb.LookupReply{Error: e})
	default:
		answer(r, &ledgerpb.QueryReply{Error: e})
	}
}

func (g *gateway) retryReads(c *shell.Context, now time.Time) {
	for number, rd := range g.reads {
		switch {
		case rd.kind == kindStatus && (now.After(rd.deadline) || now.After(rd.again) && len(rd.statuses) >= min(g.node.quorum.Slow(), g.connected())):
			delete(g.reads, number)
			answer(rd.request, g.status(rd.statuses))
		case now.After(rd.deadline) && rd.said != nil: // another one may have it, and does not answer
			g.answerRead(number, rd, rd.said)
		case now.After(rd.deadline):
			delete(g.reads, number)
			g.failRead(rd.request, rd.kind, refusal(ledgerpb.Refusal_REFUSAL_UNAVAILABLE, 1000, "no replica answers; try again, and look at the status"))
		case rd.kind != kindStatus && now.After(rd.again):
			rd.again = now.Add(readRetry)
			g.askNext(c, number, rd)
		}
	}
}
