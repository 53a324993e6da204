package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"gopkg.in/yaml.v3"

	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/config"
	"github.com/concordat-ledger/concordat/node/control"
)

// Addresses change where the restored replica is, and where it looks for others.
type Addresses struct {
	Listen string
	Peers  map[string]string
}

// Restore makes a replica's folder of a backup: in an order in which an interruption does no
// harm, the store last. Keys that the folder has already stay. It returns the names of
// those that are missing.
func (b *Backup) Restore(ctx context.Context, home string, at Addresses, logger *slog.Logger) (missing []string, err error) {
	put, err := b.plan(at)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(home, dataFolder)
	if err := replica.CheckVacant(data); err != nil {
		return nil, err
	}
	for _, f := range put {
		if err := f.fits(home); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("make the replica's folder: %w", err)
	}
	for _, f := range put {
		if err := renameio.WriteFile(filepath.Join(home, f.name), f.raw, 0o600); err != nil {
			return nil, fmt.Errorf("write the replica's folder: %w", err)
		}
	}
	if err := syncDir(home); err != nil {
		return nil, fmt.Errorf("write the replica's folder: %w", err)
	}
	since := func(keep func(h ledger.Height, raw []byte) error) error {
		for h := b.Note.Height + 1; h <= b.Note.Tip; h++ {
			raw, err := b.files.get(control.BlockName(h))
			if err == nil {
				err = keep(h, raw)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := replica.Restore(ctx, b.genesis, data, logger, b.whole, since); err != nil {
		return nil, b.files.name(err, snapshotPrefix)
	}
	for _, name := range keyFiles() {
		if _, err := os.Stat(filepath.Join(home, name)); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

// dataFolder is where a restored replica keeps its data, wherever it was before.
const dataFolder = "data"

// placed is a file that goes into the replica's folder.
type placed struct {
	name string
	raw  []byte
	was  []byte // what it may replace beside itself; nil: nothing
}

// fits refuses to overwrite a file that says something else.
func (p *placed) fits(home string) error {
	path := filepath.Join(home, p.name)
	old, err := os.ReadFile(path) // #nosec G304 -- the operator names the folder
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look into the replica's folder: %w", err)
	case !bytes.Equal(old, p.raw) && (p.was == nil || !bytes.Equal(old, p.was)):
		return fmt.Errorf("%s is there already and differs from the one that would be written: move it away, or restore into another folder", path)
	}
	return nil
}

// plan is what the folder is given beside its data. The replica's own node.yaml, as it
// was when the backup was taken, is replaced: where genesis and data are may change.
func (b *Backup) plan(at Addresses) ([]placed, error) {
	own, err := b.files.get(config.NodeFile)
	if err != nil {
		return nil, err
	}
	node, err := parseNode(own)
	if err == nil {
		err = b.member(node.ID)
	}
	if err != nil {
		return nil, b.files.damage(config.NodeFile, err)
	}
	node.Genesis, node.Data = config.GenesisFile, dataFolder
	if node.Peers == nil {
		node.Peers = map[string]string{}
	}
	if at.Listen != "" {
		if _, own := node.Peers[node.ID]; own {
			node.Peers[node.ID] = at.Listen
		}
		node.Listen = at.Listen
	}
	for id, address := range at.Peers {
		if _, known := node.Peers[id]; !known {
			return nil, fmt.Errorf("the replica has no peer %q", id)
		}
		node.Peers[id] = address
	}
	raw, err := yaml.Marshal(node)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", config.NodeFile, err)
	}
	put := []placed{{name: config.GenesisFile, raw: b.genesis}, {name: config.NodeFile, raw: raw, was: own}}
	if !b.Note.Keys {
		return put, nil
	}
	for _, name := range keyFiles() {
		raw, err := b.files.get(keysPrefix + name)
		if err != nil {
			return nil, err
		}
		put = append(put, placed{name: name, raw: raw})
	}
	return put, nil
}

// member holds that a replica is the one whose backup this is, and one of the ledger.
func (b *Backup) member(id string) error {
	if id != b.Note.Replica {
		return fmt.Errorf("it is of %s, the backup is of %s", id, b.Note.Replica)
	}
	g, _, err := ledger.ParseGenesis(b.genesis)
	if err != nil {
		return err
	}
	for _, m := range g.Members {
		if m.ID == id && m.Kind == ledger.MemberReplica {
			return nil
		}
	}
	return fmt.Errorf("genesis knows no replica %q", id)
}

func parseNode(raw []byte) (*config.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var n config.Node
	if err := dec.Decode(&n); err != nil {
		return nil, err
	}
	if n.Kind != ledger.MemberReplica {
		return nil, fmt.Errorf("it is of a %q, not of a replica", n.Kind)
	}
	return &n, nil
}
