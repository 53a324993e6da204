// Package devnet makes and runs a ledger on one machine, for development, the
// demonstration and tests. Its keys are dealt by this program: it is no way to
// found a ledger among organisations that do not trust one another.
package devnet

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/bus/server"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/quorum"
	"github.com/concordat-ledger/concordat/ledger/signature"
	"github.com/concordat-ledger/concordat/node/config"
)

// Options of a network.
type Options struct {
	Dir         string
	Name        string // "dev" when empty
	F, C        int
	ClientNodes int
	Scheme      string // "ed25519" when empty
	Parties     []string
	Limits      ledger.Limits // zero: the default
	Shadow      *float64      // percent of the calls that run twice; nil: the default
}

// Network is a ledger's folders on this machine.
type Network struct {
	Dir      string
	ID       ledger.ID
	Genesis  *ledger.Genesis
	Raw      []byte
	Replicas []string // folders
	Clients  []string // folders
	URLs     []string // of the client nodes
}

// ShadowAll has every call run twice, as far as there is time for it.
func ShadowAll() *float64 {
	all := 100.0
	return &all
}

// DefaultParties of a network, each with a key file in keys/.
func DefaultParties() []string {
	return []string{"admin@org0", "admin@org1", "admin@org2", "admin@org3", "alice@org0", "bob@org1", "bench@org0"}
}

type builder struct {
	opt       Options
	net       *Network
	genesis   ledger.Genesis
	folders   []*config.Folder
	addresses map[string]string
	held      []net.Listener // ports reserved until all are chosen
}

// ErrFounded means that a folder has a ledger already, whose keys would be overwritten.
var ErrFounded = errors.New("there is a ledger in this folder already: its nodes start with `concordat replica run` and `concordat client-node run`; a new ledger needs another folder")

// Create deals keys and writes genesis and one folder for each node. Errors: ErrFounded.
func Create(opt Options) (*Network, error) {
	if _, err := os.Lstat(filepath.Join(opt.Dir, config.GenesisFile)); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = ErrFounded
		}
		return nil, fmt.Errorf("%s: %w", opt.Dir, err)
	}
	if opt.Name == "" {
		opt.Name = "dev"
	}
	if opt.Scheme == "" {
		opt.Scheme = certificate.SchemeEd25519
	}
	if opt.Limits == (ledger.Limits{}) {
		opt.Limits = ledger.DefaultLimits()
	}
	if opt.Parties == nil {
		opt.Parties = DefaultParties()
	}
	q, err := quorum.New(opt.F, opt.C)
	if err != nil {
		return nil, err
	}
	b := &builder{opt: opt, net: &Network{Dir: opt.Dir}, addresses: map[string]string{}}
	defer b.release()
	public, private, err := certificate.Deal(rand.Reader, q, opt.Scheme)
	if err != nil {
		return nil, err
	}
	b.genesis = ledger.Genesis{Version: ledger.GenesisVersion, Name: opt.Name, F: opt.F, C: opt.C, Scheme: opt.Scheme,
		Keys: public.Marshal(), Created: time.Now().UTC(), Limits: opt.Limits}
	for i, p := range private {
		// #nosec G115 -- at most 1000
		if err := b.member(ledger.MemberReplica, ledger.ReplicaID(i).String(), i, p.Marshal()); err != nil {
			return nil, err
		}
	}
	for i := range opt.ClientNodes {
		if err := b.member(ledger.MemberClientNode, fmt.Sprintf("client-node-%d", i), i, nil); err != nil {
			return nil, err
		}
	}
	if err := b.parties(); err != nil {
		return nil, err
	}
	return b.net, b.write()
}

func (b *builder) port() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	b.held = append(b.held, l)
	return l.Addr().String(), nil
}

func (b *builder) release() {
	for _, l := range b.held {
		_ = l.Close() // the port is free for its node now
	}
}

func (b *builder) member(kind ledger.MemberKind, id string, n int, share []byte) error {
	identity, err := server.NewIdentity(id)
	if err != nil {
		return err
	}
	nkey, err := identity.PublicNKey()
	if err != nil {
		return err
	}
	print, err := identity.Fingerprint()
	if err != nil {
		return err
	}
	key, err := signature.Generate(rand.Reader)
	if err != nil {
		return err
	}
	public := key.Public()
	b.genesis.Members = append(b.genesis.Members, ledger.Member{ID: id, Kind: kind, Organisation: fmt.Sprintf("org%d", n),
		NKey: nkey, Certificate: print[:], SigningKey: public[:]})
	f := &config.Folder{Dir: filepath.Join(b.opt.Dir, id), Identity: identity, SigningKey: key, ShareKey: share,
		Node: config.Node{Kind: kind, ID: id, Genesis: filepath.Join("..", config.GenesisFile), Data: "data"}}
	if f.Node.Listen, err = b.port(); err != nil {
		return err
	}
	b.addresses[id] = f.Node.Listen
	if kind == ledger.MemberClientNode {
		if f.Node.ApplicationListen, err = b.port(); err != nil {
			return err
		}
		f.Node.AllowAnonymous = true
		b.net.Clients = append(b.net.Clients, f.Dir)
		b.net.URLs = append(b.net.URLs, "nats://"+f.Node.ApplicationListen)
	} else {
		f.Node.Shadow = b.opt.Shadow
		b.net.Replicas = append(b.net.Replicas, f.Dir)
	}
	b.folders = append(b.folders, f)
	return nil
}

func (b *builder) parties() error {
	dir := filepath.Join(b.opt.Dir, "keys")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of keys: %w", err)
	}
	for _, name := range b.opt.Parties {
		key, err := signature.Generate(rand.Reader)
		if err != nil {
			return err
		}
		if err := config.SaveKey(filepath.Join(dir, name+".key"), key); err != nil {
			return err
		}
		public := key.Public()
		role, organisation := split(name)
		b.genesis.Parties = append(b.genesis.Parties, ledger.PartyRecord{Party: ledger.Party(name), Organisation: organisation,
			PublicKey: public[:], Admin: role == "admin"})
	}
	return nil
}

func split(party string) (name, organisation string) {
	for i := range len(party) {
		if party[i] == '@' {
			return party[:i], party[i+1:]
		}
	}
	return party, ""
}

func (b *builder) write() error {
	raw, err := b.genesis.Marshal()
	if err != nil {
		return err
	}
	if b.net.Genesis, b.net.ID, err = ledger.ParseGenesis(raw); err != nil {
		return err
	}
	b.net.Raw = raw
	if err := os.WriteFile(filepath.Join(b.opt.Dir, config.GenesisFile), raw, 0o600); err != nil {
		return fmt.Errorf("write genesis: %w", err)
	}
	for _, f := range b.folders {
		f.Node.Peers = b.addresses
		if err := config.Save(f); err != nil {
			return err
		}
		if f.Node.Kind != ledger.MemberReplica {
			continue
		}
		if err := replica.MarkUnused(f.DataDir()); err != nil {
			return err
		}
	}
	return nil
}

// Key reads a party's key.
func (n *Network) Key(party string) (signature.PrivateKey, error) {
	return config.LoadKey(filepath.Join(n.Dir, "keys", party+".key"))
}
