package ledger

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// HexBytes is a byte string that JSON carries as hexadecimal text.
type HexBytes []byte

// MarshalText implements encoding.TextMarshaler.
func (b HexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *HexBytes) UnmarshalText(text []byte) error {
	out, err := hex.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("read hexadecimal bytes: %w", err)
	}
	*b = out
	return nil
}

// MemberKind says what a member of the bus is.
type MemberKind string

// The kinds of members.
const (
	MemberReplica    MemberKind = "replica"
	MemberClientNode MemberKind = "client-node"
)

// Member is one machine that takes part in the ledger's traffic. Addresses are
// not here: they change, identities do not.
type Member struct {
	ID           string     `json:"id"` // "replica-0", "client-node-1"
	Kind         MemberKind `json:"kind"`
	Organisation string     `json:"organisation"`
	NKey         string     `json:"nkey"`            // public NATS user key, U...
	Certificate  HexBytes   `json:"tls_fingerprint"` // SHA-256 of its TLS certificate (DER)
	SigningKey   HexBytes   `json:"signing_key"`     // Ed25519, for messages that must convince third parties
}

// PartyRecord is a registered party: whose it is, and its signing key. It is
// both an entry of genesis and, encoded as JSON, a record of the state.
type PartyRecord struct {
	Party        Party             `json:"party"`
	Organisation string            `json:"organisation"`
	PublicKey    HexBytes          `json:"public_key"`
	Admin        bool              `json:"admin,omitempty"` // may register parties of its organisation and deploy contracts
	Attributes   map[string]string `json:"attributes,omitempty"`
}

// Limits are the figures that all members of a ledger must share.
type Limits struct {
	BlockTransactions int      `json:"block_transactions"`  // per block
	BlockBytes        int      `json:"block_bytes"`         // of envelopes, per block
	Window            int      `json:"window"`              // slots in flight and between checkpoints
	ValidityMax       Duration `json:"validity_max"`        // how far ahead ValidUntil may lie
	ClockBound        Duration `json:"clock_bound"`         // how far a proposed time may differ from a replica's clock
	GasTransaction    uint64   `json:"gas_per_transaction"` // upper bound and default
}

// Duration is a time.Duration that JSON carries as text such as "10m".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("read a duration: %w", err)
	}
	*d = Duration(v)
	return nil
}

// DefaultLimits suit a ledger of up to a few dozen replicas.
func DefaultLimits() Limits {
	return Limits{
		BlockTransactions: 1000, BlockBytes: 4 << 20, Window: 64,
		ValidityMax: Duration(10 * time.Minute), ClockBound: Duration(30 * time.Second),
		GasTransaction: 100_000_000,
	}
}

// Genesis founds a ledger. The hash of its exact bytes is the ledger's id.
type Genesis struct {
	Version int           `json:"version"` // GenesisVersion
	Name    string        `json:"name"`    // for people and subject names: [a-z0-9-]{1,32}
	F       int           `json:"f"`       // Byzantine replicas tolerated
	C       int           `json:"c"`       // further slow or crashed ones the fast path tolerates
	Scheme  string        `json:"commit_scheme"`
	Keys    HexBytes      `json:"keys"` // certificate.Public of epoch 0
	Created time.Time     `json:"created"`
	Members []Member      `json:"members"` // replicas first, in the order of their ids
	Parties []PartyRecord `json:"parties"`
	Limits  Limits        `json:"limits"`
}

// GenesisVersion is the only format of genesis so far.
const GenesisVersion = 1

// GenesisBytesMax bounds the file.
const GenesisBytesMax = 8 << 20

// ErrGenesis is wrapped by every error about an unusable genesis.
var ErrGenesis = errors.New("unusable genesis")

var ledgerName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// Marshal writes the file's bytes. The ledger's id is that of exactly these.
func (g *Genesis) Marshal() ([]byte, error) {
	if err := g.validate(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write genesis: %w", err)
	}
	return append(b, '\n'), nil
}

// GenesisID is the ledger's id for a genesis file's exact bytes.
func GenesisID(file []byte) ID { return NewWriter(DomainGenesis, len(file)+4).Bytes(file).Sum() }

// ParseGenesis reads a genesis file and returns it with the ledger's id.
func ParseGenesis(file []byte) (*Genesis, ID, error) {
	if len(file) > GenesisBytesMax {
		return nil, ID{}, fmt.Errorf("%w: %d bytes, the limit is %d", ErrGenesis, len(file), GenesisBytesMax)
	}
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.DisallowUnknownFields()
	var g Genesis
	if err := dec.Decode(&g); err != nil {
		return nil, ID{}, fmt.Errorf("%w: %w", ErrGenesis, err)
	}
	if dec.More() {
		return nil, ID{}, fmt.Errorf("%w: something follows the closing brace", ErrGenesis)
	}
	if err := g.validate(); err != nil {
		return nil, ID{}, err
	}
	return &g, GenesisID(file), nil
}

// Replicas are the members that take part in consensus, in the order of their ids.
func (g *Genesis) Replicas() []Member {
	var out []Member
	for _, m := range g.Members {
		if m.Kind == MemberReplica {
			out = append(out, m)
		}
	}
	return out
}

func (g *Genesis) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrGenesis, fmt.Sprintf(format, args...))
	}
	switch {
	case g.Version != GenesisVersion:
		return bad("version %d; this program knows version %d", g.Version, GenesisVersion)
	case !ledgerName.MatchString(g.Name):
		return bad("the name %q is not 1 to 32 of a-z, 0-9 and -", g.Name)
	case g.F < 0 || g.C < 0 || len(g.Replicas()) != 3*g.F+2*g.C+1:
		return bad("f = %d and c = %d need %d replicas, %d are listed", g.F, g.C, 3*g.F+2*g.C+1, len(g.Replicas()))
	case g.Limits.BlockTransactions < 1 || g.Limits.BlockTransactions > BlockTransactionsMax:
		return bad("block_transactions is %d, not 1 to %d", g.Limits.BlockTransactions, BlockTransactionsMax)
	case g.Limits.BlockBytes < 1 || g.Limits.BlockBytes > BlockBytesMax:
		return bad("block_bytes is %d, not 1 to %d", g.Limits.BlockBytes, BlockBytesMax)
	case g.Limits.Window < 4 || g.Limits.Window > 4096:
		return bad("window is %d, not 4 to 4096", g.Limits.Window)
	case g.Limits.GasTransaction == 0 || g.Limits.ValidityMax <= 0 || g.Limits.ClockBound <= 0:
		return bad("gas_per_transaction, validity_max and clock_bound must be above zero")
	}
	return g.validateMembers()
}

func (g *Genesis) validateMembers() error {
	seen := map[string]bool{}
	replicas := 0
	for _, m := range g.Members {
		switch {
		case seen[m.ID]:
			return fmt.Errorf("%w: member %q is listed twice", ErrGenesis, m.ID)
		case m.Kind != MemberReplica && m.Kind != MemberClientNode:
			return fmt.Errorf("%w: member %q is a %q, which does not exist", ErrGenesis, m.ID, m.Kind)
		case m.Kind == MemberReplica && m.ID != ReplicaID(replicas).String(): // #nosec G115 -- at most 1000
			return fmt.Errorf("%w: replica %q stands where %s is expected", ErrGenesis, m.ID, ReplicaID(replicas)) // #nosec G115 -- as above
		case len(m.SigningKey) != PublicKeySize || len(m.Certificate) != HashSize || m.NKey == "":
			return fmt.Errorf("%w: member %q lacks a key", ErrGenesis, m.ID)
		}
		if m.Kind == MemberReplica {
			replicas++
		}
		seen[m.ID] = true
	}
	return g.validateParties()
}

func (g *Genesis) validateParties() error {
	for _, p := range g.Parties {
		if err := p.Party.Validate(); err != nil {
			return fmt.Errorf("%w: %w", ErrGenesis, err)
		}
		if len(p.PublicKey) != PublicKeySize {
			return fmt.Errorf("%w: party %q lacks a key", ErrGenesis, p.Party)
		}
	}
	return nil
}
