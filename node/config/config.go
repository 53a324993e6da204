// Package config reads and writes the folders of replicas and client nodes, and
// the key files of parties.
package config

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/concordat-ledger/concordat/bus/server"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/signature"
)

// Names of the files in a node's folder.
const (
	NodeFile     = "node.yaml"
	IdentityFile = "identity.json"
	SigningFile  = "signing.key"
	ShareFile    = "share.key"
	GenesisFile  = "genesis.json"
)

// Node is a replica's or a client node's configuration.
type Node struct {
	Kind              ledger.MemberKind `yaml:"kind"`
	ID                string            `yaml:"id"`
	Genesis           string            `yaml:"genesis"` // path, relative to the folder
	Data              string            `yaml:"data,omitempty"`
	Listen            string            `yaml:"listen"`
	ApplicationListen string            `yaml:"application_listen,omitempty"`
	AllowAnonymous    bool              `yaml:"allow_anonymous,omitempty"`
	Peers             map[string]string `yaml:"peers"`
	LogLevel          string            `yaml:"log_level,omitempty"`
	Retention         *Retention        `yaml:"retention,omitempty"` // replicas only
	// ScrubRate is how many bytes of the store are read a second to look for damage; 0: so
	// many that a pass takes no more than half a day.
	ScrubRate int64 `yaml:"scrub_bytes_per_second,omitempty"`
	// Shadow is the share of transactions that run a second time in the interpreter, in
	// percent; absent: the replica's default.
	Shadow *float64 `yaml:"shadow_percent,omitempty"`
}

// Folder is a node's folder, read.
type Folder struct {
	Dir        string
	Node       Node
	Genesis    []byte
	Identity   server.Identity
	SigningKey signature.PrivateKey
	ShareKey   []byte // replicas only
}

// Open reads of a node's folder what is no secret, genesis not included.
func Open(dir string) (*Folder, error) {
	f := &Folder{Dir: dir}
	raw, err := os.ReadFile(filepath.Join(dir, NodeFile)) // #nosec G304 -- the operator names the folder
	if err != nil {
		return nil, fmt.Errorf("read the node's folder: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&f.Node); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, NodeFile), err)
	}
	if f.Node.Kind != ledger.MemberReplica && f.Node.Retention != nil {
		return nil, retentionError("a client node keeps no blocks")
	}
	if s := f.Node.Shadow; s != nil && (f.Node.Kind != ledger.MemberReplica || !(*s >= 0 && *s <= 100)) {
		return nil, fmt.Errorf("read %s: shadow_percent is a replica's setting, a number from 0 to 100", filepath.Join(dir, NodeFile))
	}
	return f, nil
}

// GenesisPath is where the folder says that the genesis file is.
func (f *Folder) GenesisPath() string { return f.path(f.Node.Genesis) }

// Load reads a node's folder.
func Load(dir string) (*Folder, error) {
	f, err := Open(dir)
	if err != nil {
		return nil, err
	}
	if f.Genesis, err = os.ReadFile(f.GenesisPath()); err != nil {
		return nil, fmt.Errorf("read genesis: %w", err)
	}
	if _, _, err := ledger.ParseGenesis(f.Genesis); err != nil {
		return nil, fmt.Errorf("%s: %w", f.GenesisPath(), err)
	}
	if f.Identity, err = server.LoadIdentity(filepath.Join(dir, IdentityFile)); err != nil {
		return nil, err
	}
	if f.SigningKey, err = LoadKey(filepath.Join(dir, SigningFile)); err != nil {
		return nil, err
	}
	if f.Node.Kind == ledger.MemberReplica {
		if f.ShareKey, err = loadSecret(filepath.Join(dir, ShareFile)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *Folder) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(f.Dir, p)
}

// DataDir is where the node keeps its stores.
func (f *Folder) DataDir() string { return f.path(f.Node.Data) }

// Save writes a node's folder; the genesis file is written by the caller.
func Save(f *Folder) error {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return fmt.Errorf("make the node's folder: %w", err)
	}
	raw, err := yaml.Marshal(f.Node)
	if err != nil {
		return fmt.Errorf("write %s: %w", NodeFile, err)
	}
	if err := os.WriteFile(filepath.Join(f.Dir, NodeFile), raw, 0o600); err != nil {
		return fmt.Errorf("write the node's folder: %w", err)
	}
	if err := server.SaveIdentity(filepath.Join(f.Dir, IdentityFile), f.Identity); err != nil {
		return err
	}
	if err := SaveKey(filepath.Join(f.Dir, SigningFile), f.SigningKey); err != nil {
		return err
	}
	if f.ShareKey == nil {
		return nil
	}
	return saveSecret(filepath.Join(f.Dir, ShareFile), f.ShareKey)
}

// SaveKey writes a signing key to a file that only its owner may read.
func SaveKey(path string, key signature.PrivateKey) error { return saveSecret(path, key.Seed()) }

// LoadKey reads it.
func LoadKey(path string) (signature.PrivateKey, error) {
	seed, err := loadSecret(path)
	if err != nil {
		return signature.PrivateKey{}, err
	}
	key, err := signature.FromSeed(seed)
	if err != nil {
		return signature.PrivateKey{}, fmt.Errorf("read %s: %w", path, err)
	}
	return key, nil
}

func saveSecret(path string, secret []byte) error {
	if err := os.WriteFile(path, []byte(hex.EncodeToString(secret)+"\n"), 0o600); err != nil {
		return fmt.Errorf("write a key file: %w", err)
	}
	return nil
}

func loadSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read a key file: %w", err)
	}
	if info.Mode().Perm()&fs.FileMode(0o077) != 0 {
		return nil, fmt.Errorf("read a key file: others may read %s; run chmod 600 on it", path)
	}
	raw, err := os.ReadFile(path) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read a key file: %w", err)
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, fmt.Errorf("read the key file %s: %w", path, err)
	}
	return secret, nil
}

// NewKey draws a party's key into dir/keys; one that exists is never replaced.
func NewKey(dir, party string) (signature.PrivateKey, error) {
	path := filepath.Join(dir, "keys", party+".key")
	if _, err := os.Stat(path); err == nil {
		return signature.PrivateKey{}, fmt.Errorf("there is a key for %s already, in %s", party, path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return signature.PrivateKey{}, fmt.Errorf("make the folder of keys: %w", err)
	}
	key, err := signature.Generate(rand.Reader)
	if err != nil {
		return signature.PrivateKey{}, err
	}
	return key, SaveKey(path, key)
}

// Keys lists the parties whose keys are in dir/keys.
func Keys(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "keys"))
	if err != nil {
		return nil, fmt.Errorf("list the keys: %w", err)
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".key"); ok {
			names = append(names, name)
		}
	}
	return names, nil
}
