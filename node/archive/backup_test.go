package archive

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/node/config"
)

func (b *bench) writeBackup(t *testing.T, opt BackupOptions) string {
	note, err := WriteBackup(t.Context(), b.Folder, opt, stream(b.backup))
	require.NoError(t, err)
	require.Equal(t, ledger.Height(16), note.Height)
	require.Greater(t, note.Tip, note.Height)
	return opt.Path
}

// secretKey is a key of age.
func secretKey(t *testing.T) *age.X25519Identity {
	key, err := age.GenerateX25519Identity()
	require.NoError(t, err)
	return key
}

func TestABackupIsCheckedByteForByte(t *testing.T) {
	b := benchOf(t)
	key := secretKey(t)
	opened := func(path string) error {
		got, err := OpenBackup(t.Context(), path, b.Genesis, []age.Identity{key}, true, nil)
		if err == nil {
			err = got.Close()
		}
		return err
	}
	dir := b.writeBackup(t, BackupOptions{Path: filepath.Join(t.TempDir(), "backup")})
	require.NoError(t, opened(dir))
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		for _, at := range positions(t, int(info.Size()))[:12] {
			flip(t, path, at, func() { require.Equal(t, name, damageOf(t, opened(dir), name).Piece) })
		}
		return nil
	}))
	for _, opt := range []BackupOptions{{Path: filepath.Join(t.TempDir(), "b.tar"), Tar: true},
		{Path: filepath.Join(t.TempDir(), "b.age"), Keys: true, To: []age.Recipient{key.Recipient()}}} {
		path := b.writeBackup(t, opt)
		require.NoError(t, opened(path))
		info, err := os.Stat(path)
		require.NoError(t, err)
		for _, at := range positions(t, int(info.Size())) {
			flip(t, path, at, func() { damageOf(t, opened(path), path) })
		}
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, raw[:len(raw)-600], 0o600))
		damageOf(t, opened(path), "cut off")
	}
}

func TestKeysAreOnlyInAnEncryptedBackup(t *testing.T) {
	b := benchOf(t)
	path := filepath.Join(t.TempDir(), "b")
	_, err := WriteBackup(t.Context(), b.Folder, BackupOptions{Path: path, Keys: true}, stream(b.backup))
	require.ErrorContains(t, err, "only when it is encrypted")
	require.NoFileExists(t, path)
	b.writeBackup(t, BackupOptions{Path: path})
	secrets := map[string]bool{}
	for _, name := range keyFiles() {
		raw, err := os.ReadFile(filepath.Join(b.Dir, name))
		require.NoError(t, err)
		secrets[string(raw)] = true
	}
	require.NoError(t, filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(file)
		require.False(t, secrets[string(raw)], file)
		require.NotContains(t, string(raw), "PRIVATE KEY", file)
		require.NotContains(t, string(raw), b.Identity.Seed, file)
		return err
	}))
	require.DirExists(t, filepath.Join(path, "blocks"))
	require.NoDirExists(t, filepath.Join(path, "votes"))

	sealed := b.writeBackup(t, BackupOptions{Path: path + ".age", Keys: true, To: []age.Recipient{secretKey(t).Recipient()}})
	_, err = OpenBackup(t.Context(), sealed, nil, nil, true, nil)
	require.ErrorIs(t, err, ErrSealed)
	_, err = OpenBackup(t.Context(), sealed, nil, []age.Identity{secretKey(t)}, true, nil)
	require.ErrorIs(t, err, ErrKey)
}

func TestAPassphraseOpensABackup(t *testing.T) {
	work := passphraseWork
	passphraseWork = 10 // fewer than are safe
	defer func() { passphraseWork = work }()
	b := benchOf(t)
	file, wrong, short := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "c")
	require.NoError(t, os.WriteFile(file, []byte("correct horse battery\n"), 0o600))
	require.NoError(t, os.WriteFile(wrong, []byte("another horse battery\n"), 0o600))
	require.NoError(t, os.WriteFile(short, []byte("short\n"), 0o600))
	to, err := Recipients(nil, file)
	require.NoError(t, err)
	path := b.writeBackup(t, BackupOptions{Path: filepath.Join(t.TempDir(), "b.age"), Keys: true, To: to})
	keys, err := Identities(nil, wrong)
	require.NoError(t, err)
	_, err = OpenBackup(t.Context(), path, nil, keys, true, nil)
	require.ErrorIs(t, err, ErrKey)
	keys, err = Identities(nil, file)
	require.NoError(t, err)
	got, err := OpenBackup(t.Context(), path, nil, keys, true, nil)
	require.NoError(t, err)
	require.NoError(t, got.Close())

	_, err = Recipients(nil, short)
	require.ErrorContains(t, err, "12 characters")
	_, err = Recipients([]string{"age1nonsense"}, "")
	require.ErrorContains(t, err, "no public key of age")
	_, err = Recipients([]string{secretKey(t).Recipient().String()}, file)
	require.ErrorContains(t, err, "not for both")
	require.NoError(t, os.Chmod(file, 0o644))
	_, err = Identities(nil, file)
	require.ErrorContains(t, err, "others may read")
}

// openRestore opens a backup with keys.
func (b *bench) openRestore(t *testing.T) *Backup {
	key := secretKey(t)
	path := b.writeBackup(t, BackupOptions{Path: filepath.Join(t.TempDir(), "b.age"), Keys: true, To: []age.Recipient{key.Recipient()}})
	got, err := OpenBackup(t.Context(), path, b.Genesis, []age.Identity{key}, true, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, got.Close()) })
	return got
}

func TestARestoredFolderIsThatOfTheReplica(t *testing.T) {
	b := benchOf(t)
	got := b.openRestore(t)
	home := filepath.Join(t.TempDir(), "home")
	missing, err := got.Restore(t.Context(), home, Addresses{Listen: "127.0.0.1:1", Peers: map[string]string{"client-node-0": "127.0.0.1:2"}}, nil)
	require.NoError(t, err)
	require.Empty(t, missing)
	f, err := config.Load(home)
	require.NoError(t, err)
	require.Equal(t, b.Genesis, f.Genesis)
	require.Equal(t, b.Identity, f.Identity)
	require.Equal(t, b.SigningKey, f.SigningKey)
	require.Equal(t, b.ShareKey, f.ShareKey)
	require.Equal(t, "127.0.0.1:1", f.Node.Listen)
	require.Equal(t, "127.0.0.1:1", f.Node.Peers["replica-0"])
	require.Equal(t, "127.0.0.1:2", f.Node.Peers["client-node-0"])
	require.NoFileExists(t, filepath.Join(home, "data", "unused"))
	require.NoDirExists(t, filepath.Join(home, "data", "votes"))
	s, err := storage.Open(filepath.Join(home, "data", "store"), storage.Options{Ledger: ledger.GenesisID(b.Genesis)})
	require.NoError(t, err)
	tip, _ := s.Tip()
	require.Equal(t, got.Note.Height, tip)
	n := 0
	require.NoError(t, s.Each(tip, func(_, _ []byte) error { n++; return nil }))
	require.Equal(t, got.Snapshot.Records, n)
	require.NoError(t, s.Close())

	_, err = got.Restore(t.Context(), home, Addresses{Listen: "127.0.0.1:1"}, nil)
	require.ErrorContains(t, err, "a replica has worked there")
	_, err = got.Restore(t.Context(), filepath.Join(t.TempDir(), "x"), Addresses{Peers: map[string]string{"replica-9": "a:1"}}, nil)
	require.ErrorContains(t, err, `no peer "replica-9"`)
}

func TestARestoreOverwritesNothing(t *testing.T) {
	b := benchOf(t)
	got := b.openRestore(t)
	home := t.TempDir()
	theirs := filepath.Join(home, config.SigningFile)
	require.NoError(t, os.WriteFile(theirs, []byte("another key"), 0o600))
	_, err := got.Restore(t.Context(), home, Addresses{}, nil)
	require.ErrorContains(t, err, "differs from the one that would be written")
	entries, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing was written")
	require.NoError(t, os.Remove(theirs))
	for _, taken := range []string{"store", "store.fresh", "store.old", "votes"} {
		require.NoError(t, os.MkdirAll(filepath.Join(home, "data", taken), 0o700))
		_, err := got.Restore(t.Context(), home, Addresses{}, nil)
		require.ErrorContains(t, err, "a replica has worked there", taken)
		require.NoError(t, os.Remove(filepath.Join(home, "data", taken)))
	}
}

// The replica's own folder, without its data, takes the backup, with where genesis and
// data were; another replica's does not.
func TestAReplicaIsRestoredIntoItsOwnFolder(t *testing.T) {
	b := benchOf(t)
	got := b.openRestore(t)
	home := t.TempDir()
	for _, name := range append(keyFiles(), config.NodeFile) {
		raw, err := os.ReadFile(filepath.Join(b.Dir, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(home, name), raw, 0o600))
	}
	own, err := os.ReadFile(filepath.Join(home, config.NodeFile))
	require.NoError(t, err)
	require.Contains(t, string(own), "genesis: ../genesis.json", "otherwise this shows nothing")
	foreign := append([]byte("log_level: debug\n"), own...)
	require.NoError(t, os.WriteFile(filepath.Join(home, config.NodeFile), foreign, 0o600))
	_, err = got.Restore(t.Context(), home, Addresses{}, nil)
	require.ErrorContains(t, err, "node.yaml is there already and differs from the one that would be written")
	require.NoError(t, os.WriteFile(filepath.Join(home, config.NodeFile), own, 0o600))
	missing, err := got.Restore(t.Context(), home, Addresses{Listen: "127.0.0.1:1"}, nil)
	require.NoError(t, err)
	require.Empty(t, missing)
	f, err := config.Load(home)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:1", f.Node.Listen)
	require.Equal(t, filepath.Join(home, config.GenesisFile), f.GenesisPath())
}

// rewritten is a copy of a backup with one file changed and SUMS to match.
func rewritten(t *testing.T, path, name string, change func(raw []byte) []byte) string {
	to := filepath.Join(t.TempDir(), "rewritten")
	f, err := open(t.Context(), path, nil)
	require.NoError(t, err)
	w, err := create(to, f.kind, false, nil)
	require.NoError(t, err)
	for _, s := range f.sums.files {
		raw, err := f.get(s.name)
		require.NoError(t, err)
		if s.name == name {
			raw = change(raw)
		}
		require.NoError(t, w.add(s.name, raw))
	}
	require.NoError(t, f.close())
	require.NoError(t, w.finish(t.Context()))
	return to
}

// What a backup says of itself must fit together, verified or not.
func TestABackupContradictsItselfNowhere(t *testing.T) {
	b := benchOf(t)
	path := b.writeBackup(t, BackupOptions{Path: filepath.Join(t.TempDir(), "b")})
	instead := func(old, new string) func([]byte) []byte {
		return func(raw []byte) []byte {
			require.Contains(t, string(raw), old)
			return bytes.ReplaceAll(raw, []byte(old), []byte(new))
		}
	}
	for _, check := range []bool{true, false} {
		restored := func(path string) error {
			got, err := OpenBackup(t.Context(), path, b.Genesis, nil, check, nil)
			if err != nil {
				return err
			}
			_, err = got.Restore(t.Context(), filepath.Join(t.TempDir(), "home"), Addresses{}, nil)
			return errors.Join(err, got.Close())
		}
		require.NoError(t, restored(path))
		for what, forged := range map[string]string{
			"it is of replica-7, the backup is of replica-0":                  rewritten(t, path, config.NodeFile, instead("id: replica-0", "id: replica-7")),
			"it is of replica-0, the backup is of replica-7":                  rewritten(t, path, noteFile, instead(`"replica-0"`, `"replica-7"`)),
			"it speaks of another ledger or another height than the snapshot": rewritten(t, path, noteFile, instead(`"height": 16`, `"height": 15`)),
			"snapshot/SUMS: it cannot be read":                                rewritten(t, path, "snapshot/SUMS", instead("#", "")),
			"snapshot/SUMS: it does not have the files that are beside it":    rewritten(t, path, "snapshot/SUMS", func([]byte) []byte { return (&sums{kind: KindSnapshot}).marshal() }),
		} {
			require.ErrorContains(t, restored(forged), what)
		}
		both := rewritten(t, rewritten(t, path, config.NodeFile, instead("id: replica-0", "id: replica-7")), noteFile, instead(`"replica-0"`, `"replica-7"`))
		require.ErrorContains(t, restored(both), `genesis knows no replica "replica-7"`)
	}
}

// Of two backups to one place at once the second is refused, and harms the first in nothing.
func TestTwoBackupsToOnePlaceDoNotMix(t *testing.T) {
	b := benchOf(t)
	for _, opt := range []BackupOptions{{Path: filepath.Join(t.TempDir(), "b") + "/"}, {Path: filepath.Join(t.TempDir(), "b.tar"), Tar: true}} {
		note, err := WriteBackup(t.Context(), b.Folder, opt, func(put func(string, []byte) error) error {
			for i, p := range b.backup {
				if i == len(b.backup)/2 {
					_, err := WriteBackup(t.Context(), b.Folder, opt, stream(b.backup))
					require.ErrorIs(t, err, errBusy)
				}
				if err := put(p.name, p.raw); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, err)
		got, err := OpenBackup(t.Context(), opt.Path, b.Genesis, nil, true, nil)
		require.NoError(t, err)
		require.Equal(t, *note, got.Note)
		require.NoError(t, got.Close())
		entries, err := os.ReadDir(filepath.Dir(filepath.Clean(opt.Path)))
		require.NoError(t, err)
		require.Len(t, entries, 1, "neither a lock nor a part is left")
		_, err = WriteBackup(t.Context(), b.Folder, opt, stream(b.backup))
		require.ErrorIs(t, err, ErrExists)
	}
}

// What changes while a backup is written is noticed before the backup has its name.
func TestABackupIsReadAgain(t *testing.T) {
	b := benchOf(t)
	key := secretKey(t)
	for what, opt := range map[string]BackupOptions{"folder": {}, "tar": {Tar: true}, "sealed": {To: []age.Recipient{key.Recipient()}}} {
		opt.Path = filepath.Join(t.TempDir(), "b")
		part := opt.Path + partSuffix
		spoil := func() {
			if what == "folder" {
				part = filepath.Join(part, "snapshot", "block")
			}
			raw, err := os.ReadFile(part)
			require.NoError(t, err)
			raw[0] ^= 1
			require.NoError(t, os.WriteFile(part, raw, 0o600))
		}
		w, err := create(opt.Path, KindBackup, opt.Tar, opt.To)
		require.NoError(t, err)
		require.NoError(t, w.add("snapshot/block", make([]byte, 3<<20))) // more than is buffered
		spoil()
		require.ErrorContains(t, w.finish(t.Context()), "what is on the disk is not what was written", what)
		w.abort()
		require.NoFileExists(t, opt.Path)
		require.NoFileExists(t, opt.Path+partSuffix)
	}
	gone := BackupOptions{Path: filepath.Join(t.TempDir(), "gone")}
	_, err := WriteBackup(t.Context(), b.Folder, gone, func(put func(string, []byte) error) error {
		err := stream(b.backup[:2])(put)
		require.NoError(t, os.RemoveAll(gone.Path+partSuffix))
		require.NoError(t, err)
		err = stream(b.backup[2:])(put)
		require.ErrorIs(t, err, fs.ErrNotExist, "a folder that is taken away does not come back with half of the files")
		return err
	})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoDirExists(t, gone.Path)
}

// A restore that is cut off at any piece: there is no store, the mark of a replica that
// never voted is gone, and the same command succeeds.
func TestAnInterruptedRestoreIsDoneAgain(t *testing.T) {
	b := benchOf(t)
	got := b.openRestore(t)
	home := t.TempDir()
	data := filepath.Join(home, "data")
	for k := 1; ; k++ {
		require.NoError(t, replica.MarkUnused(data))
		ctx, cancel := context.WithCancel(t.Context())
		read, seen := got.files.read, 0
		stop := errors.New("the power is gone")
		got.files.read = func(name string) ([]byte, error) {
			if seen++; seen == k {
				return nil, stop
			}
			return read(name)
		}
		_, err := got.Restore(ctx, home, Addresses{}, nil)
		cancel()
		got.files.read = read
		if err == nil {
			require.Greater(t, k, 8, "there were pieces to fail at")
			break
		}
		require.ErrorIs(t, err, stop)
		require.NoDirExists(t, filepath.Join(data, "store"))
		require.NoDirExists(t, filepath.Join(data, "store.fresh"))
		require.NoError(t, replica.CheckVacant(data))
	}
	require.DirExists(t, filepath.Join(data, "store"))
	require.NoFileExists(t, filepath.Join(data, "unused"))
}
