package catchup

import (
	"math/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/ledger/verify/sample"
)

// actorOf is an actor that does one thing with what it gets.
type actorOf func(c *shell.Context, msg any)

func (actorOf) Start(*shell.Context) error          { return nil }
func (actorOf) Stop()                               {}
func (f actorOf) Receive(c *shell.Context, msg any) { f(c, msg) }
func (f actorOf) spec(name string) shell.Spec {
	return shell.Spec{Name: name, New: func() shell.Behaviour { return f }}
}
func (b *bench) spawn(spec shell.Spec) (pid shell.PID) { return must(b.t)(b.system.Spawn(spec)) }

func must(t *testing.T) func(shell.PID, error) shell.PID {
	return func(pid shell.PID, err error) shell.PID {
		require.NoError(t, err)
		return pid
	}
}

// bench is the actor among others that are made up.
type bench struct {
	t      *testing.T
	system *shell.System
	cfg    *Config
	pid    shell.PID
	stop   func()

	mu  sync.Mutex
	tip ledger.Height // of the store
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t}
	var err error
	b.system, err = shell.NewSystem(shell.Config{Name: "bench"})
	require.NoError(t, err)
	b.stop = sync.OnceFunc(func() { require.NoError(t, b.system.Stop(10*time.Second)) })
	t.Cleanup(b.stop)
	begun := time.Now()
	b.cfg = &Config{Params: transfer.DefaultParams(0, 4, 2, 16), Blocks: b, Snapshots: noSnapshots{},
		Clock: func() time.Time { return begun.Add(20 * time.Since(begun)) }} // what takes seconds takes parts of them
	sink := b.spawn(actorOf(func(*shell.Context, any) {}).spec("sink"))
	b.cfg.Execution, b.cfg.Consensus, b.cfg.Collector = sink, sink, sink
	return b
}

func (b *bench) start() { b.pid = b.spawn(New(b.cfg)) }

func (b *bench) Agreed(ledger.Height) (*actorspb.AgreedBlock, error) { panic("nobody asks") }
func (b *bench) Oldest() ledger.Height                               { return 1 }
func (b *bench) Tip() (ledger.Height, ledger.Hash) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tip, ledger.Hash{}
}

func (b *bench) stored(h ledger.Height) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tip = h
}

// noSnapshots is a disk on which none is.
type noSnapshots struct{ Snapshots }

func (noSnapshots) Get(string) ([]byte, bool, error) { return nil, false, nil }
func (noSnapshots) Base() ledger.Height              { return 1 }

// All blocks that a backup brought are executed, however many there are, although nobody
// else has them; execution does not get further ahead of the store than it can bear.
func TestAllBlocksOfABackupAreExecuted(t *testing.T) {
	const blocks, given, behind = 1600, 128, 200 // the store is so far behind, until the others wait for it
	random := rand.New(rand.NewSource(1))
	l, err := sample.New(random, certificate.SchemeEd25519)
	require.NoError(t, err)
	genesis, _, err := ledger.ParseGenesis(l.Genesis)
	require.NoError(t, err)
	var all []*actorspb.AgreedBlock
	for range blocks {
		k, err := l.Next(1, false)
		require.NoError(t, err)
		all = append(all, &actorspb.AgreedBlock{Header: k.Header, Txs: k.Txs, Commit: k.Commit, Outcome: k.Outcome})
	}
	b := newBench(t)
	b.cfg.Ledger = l.ID
	b.cfg.Public, err = certificate.ParsePublic(genesis.Keys)
	require.NoError(t, err)
	b.cfg.Restored = func(from ledger.Height) ([]byte, []*actorspb.AgreedBlock) {
		from = min(from, blocks+1)
		return nil, all[from-1 : min(int(from)-1+given, blocks)]
	}
	done, ahead, next := make(chan ledger.Height), ledger.Height(0), ledger.Height(1)
	b.cfg.Execution = b.spawn(actorOf(func(c *shell.Context, msg any) {
		d, ok := msg.(actorspb.Decided)
		if !ok || d.Height != next {
			t.Errorf("execution awaits block %d and gets %v", next, msg)
			return
		}
		header, _ := ledger.ParseHeader(all[next-1].GetHeader())
		c.Tell(b.pid, actorspb.Executed{Block: &actorspb.ExecutedBlock{Header: *header}})
		tip, _ := b.Tip()
		ahead = max(ahead, d.Height-tip)
		if next++; next%behind == 0 && d.Height < 1200 {
			b.stored(d.Height / 4)
		}
		if d.Height == 1300 || next > blocks {
			done <- d.Height
		}
	}).spec("execution"))
	b.start()
	b.system.Tell(b.pid, actorspb.ExecutionStarted{Next: 1})
	require.Equal(t, ledger.Height(1300), <-done)
	b.stored(1200)
	require.Equal(t, ledger.Height(blocks), <-done)
	require.LessOrEqual(t, ahead, ledger.Height(replayAhead+given))
}

// repairs is a store with wounds, of which it takes note as often as it is told to.
type repairs struct {
	Repairs
	mu    sync.Mutex
	open  []transfer.Wound
	told  map[transfer.Wound]int
	takes int // how often it is told until something can be done
	over  chan struct{}
}

func (r *repairs) Wounds() ([]transfer.Wound, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.open), false
}

func (r *repairs) Lost(w transfer.Wound) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told[w]++; r.told[w] < r.takes {
		return false
	}
	r.open = slices.DeleteFunc(r.open, func(o transfer.Wound) bool { return o == w })
	if len(r.open) == 0 {
		close(r.over)
	}
	return true
}

func (*repairs) Around(ledger.Height) (before, hash ledger.Hash, err error) { return before, hash, nil }
func (*repairs) MendBlock(*actorspb.AgreedBlock, *snapshot.Block, ledger.Hash) error {
	panic("nobody gives any")
}

// When nothing could be done about a loss the others are asked again, and it is told again.
func TestALossIsToldUntilSomethingCouldBeDone(t *testing.T) {
	b := newBench(t)
	r := &repairs{open: []transfer.Wound{{Kind: transfer.KindBlock, Height: 3}, {Kind: transfer.KindRecord, Height: 9, Key: "k"}},
		told: map[transfer.Wound]int{}, takes: 3, over: make(chan struct{})}
	wounds := slices.Clone(r.open)
	b.cfg.Repairs = r
	var peers []shell.PID
	var asked [4]int
	for i := range 4 {
		peers = append(peers, b.spawn(actorOf(func(c *shell.Context, msg any) {
			if m, ok := msg.(*actorspb.FetchSnapshot); ok {
				asked[i]++
				c.Tell(c.Sender(), &actorspb.SnapshotPiece{Request: m.GetRequest(), Answer: uint32(transfer.Lacking)})
			}
		}).spec([]string{"self", "peer-1", "peer-2", "peer-3"}[i])))
	}
	b.cfg.Peer = func(id ledger.ReplicaID) shell.PID { return peers[id] }
	b.cfg.Replica = func(pid shell.PID) (ledger.ReplicaID, bool) {
		i := slices.Index(peers, pid)
		return ledger.ReplicaID(max(i, 0)), i >= 0
	}
	b.start()
	<-r.over
	b.stop()
	for _, w := range wounds {
		require.Equal(t, 3, r.told[w])
	}
	require.Zero(t, asked[0])
	require.GreaterOrEqual(t, asked[1], 6, "both, each time anew")
}
