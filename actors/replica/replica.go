// Package replica puts a replica together: it is the only place that knows all
// its actors.
package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/admission"
	"github.com/concordat-ledger/concordat/actors/admission/pool"
	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/actors/catchup/transfer"
	"github.com/concordat-ledger/concordat/actors/consensus"
	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/actors/execution"
	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/actors/reads"
	"github.com/concordat-ledger/concordat/actors/shell"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/actors/storage/votelog"
	"github.com/concordat-ledger/concordat/bus"
	"github.com/concordat-ledger/concordat/bus/link"
	"github.com/concordat-ledger/concordat/bus/server"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/ledger/retention"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// Config of a replica.
type Config struct {
	Genesis    []byte // the file's exact bytes
	Self       ledger.ReplicaID
	DataDir    string
	Listen     string            // address of the server for members
	Peers      map[string]string // member id → host:port
	Identity   server.Identity
	SigningKey signature.PrivateKey
	ShareKey   []byte // certificate.Private
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Interceptor sees every message before its actor does; for tests.
	Interceptor func(actor string, msg any)
	// WrapTransport stands between this replica's agreement and its links; nil: nothing
	// does. For tests of how the others bear it.
	WrapTransport func(consensus.Transport) consensus.Transport
	// WrapSnapshots does the same for what it serves to replicas that join.
	WrapSnapshots func(catchup.Snapshots) catchup.Snapshots
	// AlterCode is a compiler with a defect; nil: there is none. For tests of what finds it.
	AlterCode func([]byte) []byte
	// Clock is the wall clock; nil: the machine's.
	Clock func() time.Time
	// Retention says what may be forgotten; the zero value keeps everything.
	Retention retention.Policy
	// FreeBytesMin is the room on the disk below which the replica stops writing;
	// 0: the store's default.
	FreeBytesMin uint64
	// ShadowPercent is the share of transactions that run a second time in the
	// interpreter; deployments always do.
	ShadowPercent float64
	// ScrubRate is how many bytes a second are read to look for damage; 0: as many as a
	// pass a day needs, and few.
	ScrubRate int64

	aside string // why the store is to be put aside at the next start; "": it is not
}

// inFlightMax is how many proposals a primary has under way. More only makes
// blocks smaller: what waits meanwhile fills the next one.
const inFlightMax = 4

const stopTimeout = 10 * time.Second

// instance is a replica from one start to the next: all of it but what outlives a
// restart.
type instance struct {
	cfg       Config
	owner     *Replica
	id        ledger.ID
	genesis   *ledger.Genesis
	public    *certificate.Public
	quorum    quorum.Config
	store     *storage.Store
	log       *votelog.Log
	records   *records
	modules   *contracts.Modules
	shadow    *contracts.Shadow
	proofs    *evidenceFolder
	mender    *mender
	mending   bool // its goroutine runs
	probation *consensus.Probation
	server    *server.Server
	links     *link.Links
	system    *shell.System
	metrics   *consensus.Metrics
	full      atomic.Bool
	behind    atomic.Pointer[catchup.Progress]
	silent    atomic.Uint64                   // until which slot it does not vote, because its votes are lost; 0: it does
	stable    atomic.Pointer[actorspb.Stable] // the newest certified checkpoint; nil: none yet
	takings   heights                         // of the snapshots that are being taken here
	pids      pids
}

type pids struct {
	admission, consensus, collector, execution, storage, catchup, reads shell.PID
}

// begin opens the stores, starts the server, the links and the actors.
func begin(ctx context.Context, owner *Replica, cfg Config) (*instance, error) {
	r := &instance{cfg: cfg, owner: owner}
	steps := []func(context.Context) error{r.readGenesis, r.openStores, r.startEngine, r.startBus, r.startActors}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			r.close()
			return nil, fmt.Errorf("start %s: %w", cfg.Self, err)
		}
	}
	return r, nil
}

func (r *instance) readGenesis(context.Context) error {
	var err error
	if r.genesis, r.id, err = ledger.ParseGenesis(r.cfg.Genesis); err != nil {
		return err
	}
	if r.public, err = certificate.ParsePublic(r.genesis.Keys); err != nil {
		return fmt.Errorf("read the keys in genesis: %w", err)
	}
	if r.quorum, err = quorum.New(r.genesis.F, r.genesis.C); err != nil {
		return err
	}
	if int(r.cfg.Self) >= r.quorum.N() || r.public.Quorum != r.quorum {
		return fmt.Errorf("%w: %s with keys for %s in a ledger of %s", ledger.ErrGenesis, r.cfg.Self, r.public.Quorum, r.quorum)
	}
	mine := r.cfg.SigningKey.Public()
	if string(r.genesis.Replicas()[r.cfg.Self].SigningKey) != string(mine[:]) {
		return fmt.Errorf("the signing key is not the one that genesis holds for %s", r.cfg.Self)
	}
	return nil
}

func (r *instance) openStores(context.Context) error {
	if err := os.MkdirAll(r.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	if err := r.openStore(); err != nil {
		return err
	}
	if err := r.openVotes(); err != nil {
		return err
	}
	if err := r.started(); err != nil {
		return err
	}
	r.records = &records{Store: r.store, genesis: r.genesis}
	r.behind.Store(&catchup.Progress{History: r.store.Base()}) // until catching up knows more
	r.mender = newMender(r)
	err := r.mender.register(r.cfg.Registerer)
	if err != nil {
		return err
	}
	r.proofs, err = openEvidence(filepath.Join(r.cfg.DataDir, "evidence"), r.cfg.Logger)
	return err
}

// Members are the genesis members with the addresses known here.
func Members(g *ledger.Genesis, addresses map[string]string) ([]bus.Member, error) {
	var out []bus.Member
	for _, m := range g.Members {
		fingerprint, err := ledger.HashFromBytes(m.Certificate)
		if err != nil {
			return nil, fmt.Errorf("member %s: %w", m.ID, err)
		}
		out = append(out, bus.Member{ID: bus.MemberID(m.ID), Address: addresses[m.ID], NKey: m.NKey, CertFingerprint: fingerprint})
	}
	return out, nil
}

func (r *instance) startBus(ctx context.Context) error {
	members, err := Members(r.genesis, r.cfg.Peers)
	if err != nil {
		return err
	}
	self := bus.MemberID(r.cfg.Self.String())
	r.server, err = server.Start(server.Config{Ledger: r.genesis.Name, Self: self, ListenAddress: r.cfg.Listen,
		Identity: r.cfg.Identity, Members: members, Logger: r.cfg.Logger, Registerer: r.cfg.Registerer})
	if err != nil {
		return err
	}
	r.links, err = link.Start(ctx, link.Config{Ledger: r.genesis.Name, Self: self, Identity: r.cfg.Identity, Server: r.server,
		Members: members, Logger: r.cfg.Logger, Registerer: r.cfg.Registerer})
	return err
}

// Exported are the actors that other members may talk to.
var Exported = []string{"replica/admission", "replica/catchup", "replica/reads"}

// Travelling are the messages between actors that may cross the bus.
func Travelling() []proto.Message {
	return []proto.Message{&actorspb.Submit{}, &actorspb.SubmitRefused{}, &actorspb.Receipts{}, &actorspb.Read{},
		&actorspb.ReadReply{}, &actorspb.FetchBlocks{}, &actorspb.Blocks{}, &actorspb.FetchSnapshot{}, &actorspb.SnapshotPiece{}}
}

func (r *instance) startActors(context.Context) error {
	var err error
	r.system, err = shell.NewSystem(shell.Config{Name: "replica", Logger: r.cfg.Logger, Registerer: r.cfg.Registerer,
		Fatal: func(err error) { r.owner.fail(r, err) }, Interceptor: r.cfg.Interceptor})
	if err != nil {
		return err
	}
	if _, err := link.NewRemote(r.system.ActorSystem(), r.links, Travelling(), Exported); err != nil {
		return err
	}
	p := &r.pids
	for name, pid := range map[string]*shell.PID{"admission": &p.admission, "consensus": &p.consensus, "collector": &p.collector,
		"execution": &p.execution, "storage": &p.storage, "catchup": &p.catchup, "reads": &p.reads} {
		*pid = r.system.PID(name)
	}
	cons, err := r.consensusConfig()
	if err != nil {
		return err
	}
	away, err := r.catchupConfig()
	if err != nil {
		return err
	}
	checker := admission.NewChecker(r.id)
	clock := r.cfg.Clock
	if clock == nil {
		clock = time.Now
	}
	cons.CheckTransactions = checker.Check
	specs := []shell.Spec{
		storage.NewActor(&storage.ActorConfig{Store: r.store, Execution: p.execution,
			Tell: []shell.PID{p.execution, p.consensus}, Full: r.full.Store, Pruning: r.pruning()}),
		execution.New(&execution.Config{Ledger: r.id, Genesis: r.genesis, File: r.cfg.Genesis, Store: r.records, Modules: r.modules, Shadow: r.shadow, Logger: r.cfg.Logger,
			Tell: []shell.PID{p.storage, p.collector, p.consensus, p.admission, p.catchup}, Ask: []shell.PID{p.consensus, p.catchup}}),
		consensus.NewCertifying(cons),
		admission.New(r.admissionConfig(checker)),
		consensus.NewOrdering(cons),
		catchup.New(away),
		reads.New(&reads.Config{Store: lookups{r.records, r.modules, r.id, r.cfg.Genesis, clock}, Status: r.Status, Genesis: r.cfg.Genesis, Query: r.query,
			Unfit: func() bool { return r.metrics.Divergent.Load() > 0 }}),
	}
	for _, s := range specs {
		if _, err := r.system.Spawn(s); err != nil {
			return err
		}
	}
	r.links.Handle(consensusTarget, r.onConsensus(cons))
	r.mending = true
	go r.mender.run()
	return nil
}

func (r *instance) consensusConfig() (*consensus.Config, error) {
	private, err := certificate.ParsePrivate(r.cfg.ShareKey)
	if err != nil {
		return nil, fmt.Errorf("read the share key: %w", err)
	}
	if private.ID() != r.cfg.Self {
		return nil, fmt.Errorf("%w: the share key belongs to %s", certificate.ErrKeys, private.ID())
	}
	if err := private.Belongs(r.public); err != nil {
		return nil, err
	}
	signer, err := private.Signer()
	if err != nil {
		return nil, err
	}
	var keys []signature.PublicKey
	for _, m := range r.genesis.Replicas() {
		keys = append(keys, signature.PublicKey(m.SigningKey))
	}
	r.metrics = consensus.NewMetrics(r.cfg.Registerer)
	if r.stillDiverged() {
		r.metrics.Divergent.Store(1)
	}
	l, p := r.genesis.Limits, r.pids
	return &consensus.Config{
		Params: sbft.Params{Self: r.cfg.Self, Ledger: r.id, Quorum: r.quorum, Window: l.Window, InFlightMax: inFlightMax,
			BatchMax: l.BlockTransactions, BatchBytes: l.BlockBytes, ClockBound: ledger.Time(l.ClockBound), Timing: sbft.DefaultTiming()},
		Transport: r.transport(), Log: voteLog{r.log}, Tip: r.records.tipTime, Settled: r.records.settled,
		Stored: r.records.stored, Probation: r.probation,
		Public: r.public, Verifier: consensus.NewVerifier(r.public.Commit(), keys),
		Signer: signer, ExecutionSigner: private.ExecutionSigner(), SigningKey: r.cfg.SigningKey, MemberKeys: keys,
		Clock: r.cfg.Clock, Metrics: r.metrics, Diverged: r.diverged, Evidence: r.proofs.keep,
		Peers: consensus.Peers{Consensus: p.consensus, Collector: p.collector, Admission: p.admission, Execution: p.execution,
			Storage: p.storage, Catchup: p.catchup},
	}, nil
}

func (r *instance) peers() []bus.MemberID {
	var out []bus.MemberID
	for _, m := range r.genesis.Replicas() {
		if m.ID != r.cfg.Self.String() {
			out = append(out, bus.MemberID(m.ID))
		}
	}
	return out
}

func (r *instance) admissionConfig(checker *admission.Checker) *admission.Config {
	view := func() ledger.View { return ledger.View(r.metrics.View.Load()) }
	return &admission.Config{Ledger: r.id, Limits: r.genesis.Limits, Pool: pool.DefaultLimits(), Checker: checker,
		History: r.records, Clock: r.cfg.Clock, Consensus: r.pids.consensus, View: view,
		IsPrimary: func() bool { return r.quorum.Primary(view()) == r.cfg.Self },
		PrimaryPID: func() shell.PID {
			return r.system.Remote(link.Address(bus.MemberID(r.quorum.Primary(view()).String())), "replica/admission")
		},
		Unavailable: r.full.Load,
		Compile:     r.compileAhead,
		Everyone: func() []shell.PID {
			var out []shell.PID
			for _, id := range r.peers() {
				out = append(out, r.system.Remote(link.Address(id), "replica/admission"))
			}
			return out
		},
	}
}

func (r *instance) catchupConfig() (*catchup.Config, error) {
	disk := r.openSnapshots()
	var served catchup.Snapshots = disk
	if r.cfg.WrapSnapshots != nil {
		served = r.cfg.WrapSnapshots(disk)
	}
	return &catchup.Config{Params: transfer.DefaultParams(r.cfg.Self, r.quorum.N(), r.quorum.Weak(), r.genesis.Limits.Window), Ledger: r.id,
		Public: r.public, Blocks: r.records, Snapshots: served, Repairs: r.mender, Execution: r.pids.execution, Consensus: r.pids.consensus,
		Collector: r.pids.collector, Clock: r.cfg.Clock, ValidityMax: ledger.Time(r.genesis.Limits.ValidityMax),
		Peer: func(id ledger.ReplicaID) shell.PID {
			return r.system.Remote(link.Address(bus.MemberID(id.String())), "replica/catchup")
		},
		Replica: r.replicaOf, Older: r.wantsOlder,
		Tell:      func(p catchup.Progress) { r.behind.Store(&p) },
		Certified: func(s actorspb.Stable) { r.stable.Store(&s) }, Restored: r.restored,
	}, nil
}

// close releases in the opposite order of Start, whatever was reached.
func (r *instance) close() {
	if r.links != nil {
		r.links.Close()
	}
	if r.system != nil {
		if err := r.system.Stop(stopTimeout); err != nil {
			r.cfg.Logger.Error("the actors did not stop", "error", err)
		}
	}
	if r.server != nil {
		r.server.Close()
	}
	if r.mending {
		r.mender.halt()
	}
	var errs []error
	errs = append(errs, r.closeEngine()...)
	if r.log != nil {
		errs = append(errs, r.log.Close())
	}
	if r.store != nil {
		errs = append(errs, r.store.Close())
	}
	if r.mending { // a repair that takes long has ended with the store
		r.mender.wait()
	}
	if err := errors.Join(errs...); err != nil {
		r.cfg.Logger.Error("the stores did not close well", "error", err)
	}
}
