package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/actorspb"
	"github.com/concordat-ledger/concordat/actors/catchup"
	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/snapshot"
	"github.com/concordat-ledger/concordat/node/config"
	"github.com/concordat-ledger/concordat/node/control"
)

// Files and folders of a backup.
const (
	noteFile        = "BACKUP"
	certificateFile = "certificate.pem"
	snapshotPrefix  = "snapshot/"
	keysPrefix      = "keys/"
)

// keyFiles are what is secret in a replica's folder.
func keyFiles() []string {
	return []string{config.IdentityFile, config.SigningFile, config.ShareFile}
}

// Note says what a backup is of.
type Note struct {
	Version int           `json:"version"`
	Ledger  string        `json:"ledger"`
	Replica string        `json:"replica"`
	Taken   time.Time     `json:"taken"`
	Height  ledger.Height `json:"height"` // of the snapshot
	Tip     ledger.Height `json:"tip"`    // the newest of the blocks since
	Keys    bool          `json:"keys"`   // are in the backup; the votes never are: old ones would let it contradict itself
}

const (
	noteVersion  = 1
	noteBytesMax = 64 << 10
)

var errNote = errors.New("it cannot be read")

func parseNote(raw []byte) (*Note, error) {
	if len(raw) > noteBytesMax {
		return nil, fmt.Errorf("%w: it has %d bytes", errNote, len(raw))
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var n struct {
		Note
		Voted bool `json:"voted"` // older programs wrote it; it says nothing
	}
	if err := dec.Decode(&n); err != nil {
		return nil, fmt.Errorf("%w: %w", errNote, err)
	}
	switch {
	case dec.More():
		return nil, fmt.Errorf("%w: something follows it", errNote)
	case n.Version != noteVersion:
		return nil, fmt.Errorf("%w: it has version %d; this program knows version %d", errNote, n.Version, noteVersion)
	case n.Height == 0 || n.Tip < n.Height:
		return nil, fmt.Errorf("%w: blocks %d to %d make no sense", errNote, n.Height, n.Tip)
	}
	return &n.Note, nil
}

// BackupOptions say what goes into a backup, and where.
type BackupOptions struct {
	Path string
	Tar  bool // one file instead of a folder
	Keys bool // only with To
	To   []age.Recipient
	Show Progress
}

// WriteBackup writes what brings a replica back on other hardware.
func WriteBackup(ctx context.Context, folder *config.Folder, opt BackupOptions, from Stream) (*Note, error) {
	if opt.Keys && len(opt.To) == 0 {
		return nil, errors.New("keys go into a backup only when it is encrypted: give --recipient or --passphrase-file")
	}
	id := ledger.GenesisID(folder.Genesis)
	note := &Note{Version: noteVersion, Ledger: id.String(), Replica: folder.Node.ID, Taken: time.Now().UTC().Truncate(time.Second),
		Keys: opt.Keys}
	w, err := create(opt.Path, KindBackup, opt.Tar, opt.To)
	if err != nil {
		return nil, err
	}
	defer w.abort()
	w.show = opt.Show
	inner := sums{kind: KindSnapshot}
	piece := func(name string, raw []byte) error {
		if strings.HasPrefix(name, control.BlocksPrefix) {
			note.Tip++
			return w.add(name, raw)
		}
		inner.add(name, raw)
		return w.add(snapshotPrefix+name, raw)
	}
	err = from(gather(ctx, opt.Show, func(m *snapshot.Manifest) error {
		note.Height, note.Tip = m.Header.Height, m.Header.Height
		return nil
	}, piece))
	if err == nil && note.Height == 0 {
		err = errors.New("the replica gave no snapshot")
	}
	if err == nil {
		err = piece(config.GenesisFile, folder.Genesis)
	}
	if err == nil {
		err = w.add(snapshotPrefix+sumsFile, inner.marshal())
	}
	if err == nil {
		err = w.rest(folder, note)
	}
	if err == nil {
		err = w.finish(ctx)
	}
	if err != nil {
		return nil, err
	}
	return note, nil
}

// rest adds what a node's folder needs beside its data.
func (w *writer) rest(folder *config.Folder, note *Note) error {
	raw, err := os.ReadFile(filepath.Join(folder.Dir, config.NodeFile))
	if err != nil {
		return fmt.Errorf("read the node's folder: %w", err)
	}
	text, err := json.MarshalIndent(note, "", "  ")
	if err != nil {
		return fmt.Errorf("write a backup: %w", err)
	}
	for _, f := range []struct {
		name string
		raw  []byte
	}{{config.NodeFile, raw}, {config.GenesisFile, folder.Genesis}, {certificateFile, []byte(folder.Identity.Cert)}, {noteFile, append(text, '\n')}} {
		if err := w.add(f.name, f.raw); err != nil {
			return err
		}
	}
	if !note.Keys {
		return nil
	}
	for _, name := range keyFiles() {
		raw, err := os.ReadFile(filepath.Join(folder.Dir, name)) // #nosec G304 -- the replica's own folder
		if err != nil {
			return fmt.Errorf("read a key file: %w", err)
		}
		if err := w.add(keysPrefix+name, raw); err != nil {
			return err
		}
	}
	return nil
}

// Backup is a backup that was checked as a whole.
type Backup struct {
	Note     Note
	Snapshot *Snapshot
	files    *files
	genesis  []byte
	whole    *catchup.Snapshot
}

// Close closes its files.
func (b *Backup) Close() error { return b.files.close() }

// OpenBackup opens a backup. With check everything in it is verified: against the genesis
// file that is given, or else against its own, which proves no more than that it is whole.
func OpenBackup(ctx context.Context, path string, genesis []byte, keys []age.Identity, check bool, show Progress) (*Backup, error) {
	f, err := open(ctx, path, keys)
	if err != nil {
		return nil, err
	}
	f.show = show
	b := &Backup{files: f, genesis: genesis}
	if err := b.load(ctx, check); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return b, nil
}

func (b *Backup) load(ctx context.Context, check bool) error {
	f := b.files
	if f.kind != KindBackup {
		return f.damage("", fmt.Errorf("it is a %s", f.kind))
	}
	raw, err := f.get(noteFile)
	if err != nil {
		return err
	}
	note, err := parseNote(raw)
	if err != nil {
		return f.damage(noteFile, err)
	}
	b.Note = *note
	if b.genesis == nil {
		if b.genesis, err = f.get(config.GenesisFile); err != nil {
			return err
		}
	}
	if check {
		b.Snapshot, b.whole, err = f.snapshot(ctx, snapshotPrefix, b.genesis)
	} else {
		b.whole, _, err = f.assemble(ctx, snapshotPrefix, b.genesis)
	}
	if err != nil {
		return err
	}
	if id := ledger.GenesisID(b.genesis).String(); id != b.Note.Ledger || b.whole.Manifest.Header.Height != b.Note.Height {
		return f.damage(noteFile, errors.New("it speaks of another ledger or another height than the snapshot"))
	}
	if !check {
		return nil
	}
	return b.verify()
}

// verify checks what stands beside the snapshot.
func (b *Backup) verify() error {
	f := b.files
	trust, err := replica.Trust(b.genesis)
	if err != nil {
		return err
	}
	above := b.whole.Manifest.Header.Hash()
	for h := b.Note.Height + 1; h <= b.Note.Tip; h++ {
		name := control.BlockName(h)
		raw, err := f.get(name)
		if err != nil {
			return err
		}
		if above, err = blockSince(trust, raw, h, above); err != nil {
			return f.damage(name, err)
		}
	}
	own, err := f.get(config.GenesisFile)
	if err == nil && !bytes.Equal(own, b.genesis) {
		err = f.damage(config.GenesisFile, errors.New("it founds another ledger than the genesis file that was given"))
	}
	if err != nil {
		return err
	}
	for _, s := range f.sums.files { // whatever was not looked at yet
		if _, piece := cutPrefix(s.name, snapshotPrefix); piece {
			continue
		}
		if _, err := f.get(s.name); err != nil {
			return err
		}
	}
	return nil
}

// blockSince checks an agreed block above the snapshot, and gives its hash.
func blockSince(trust *catchup.Config, raw []byte, h ledger.Height, parent ledger.Hash) (ledger.Hash, error) {
	var b actorspb.AgreedBlock
	if err := proto.Unmarshal(raw, &b); err != nil {
		return parent, err
	}
	header, err := catchup.CheckAgreed(trust, &b, h)
	if err == nil && header.Parent != parent {
		err = errors.New("it does not follow the block before it")
	}
	if err != nil {
		return parent, err
	}
	return header.Hash(), nil
}
