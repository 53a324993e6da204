package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/actors/replica"
	"github.com/concordat-ledger/concordat/actors/storage"
	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/contracts-sdk/examples"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/certificate"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
	"github.com/concordat-ledger/concordat/ledger/verify/sample"
	"github.com/concordat-ledger/concordat/node/audit"
	"github.com/concordat-ledger/concordat/node/config"
	"github.com/concordat-ledger/concordat/node/devnet"
)

// sampleLedger makes the data folder of a stopped replica, its ledger's genesis file and
// a key: 40 blocks, of which one in the middle and the newest two are not certified.
func sampleLedger(dir string) error {
	l, err := sample.New(rand.New(rand.NewSource(1)), certificate.SchemeEd25519)
	if err != nil {
		return err
	}
	s, err := storage.Open(replica.StoreDir(filepath.Join(dir, "replica-0")), storage.Options{Ledger: l.ID, FreeBytesMin: 1})
	if err != nil {
		return err
	}
	for h := 1; h <= 40 && err == nil; h++ {
		var b *sample.Block
		if b, err = l.Next(10, h != 7 && h < 39); err != nil {
			break
		}
		err = s.Commit(&storage.BlockCommit{Height: b.Height, BlockHash: b.Hash, CommandsSum: b.Commands, Header: b.Header,
			Commit: b.Commit, Outcome: b.Outcome, Txs: b.Txs, Results: b.Results, TxIDs: b.TxIDs, Changes: b.Changes, Places: b.Places, Tree: b.Tree})
		if err == nil && len(b.Certificate) > 0 {
			err = s.PutCertificate(b.Height, b.Certificate)
		}
	}
	mark := chain.Mark{Ledger: l.ID, First: 1, Height: 1}
	mark.Ledger[0]++
	foreign := &audit.Kept{Mark: mark, At: audit.Position{Height: 1, Offset: 1}}
	err = errors.Join(err, s.Close(), foreign.Save(filepath.Join(dir, "kept.foreign")), keptHalfway(dir, l.Genesis))
	return errors.Join(err, os.WriteFile(filepath.Join(dir, config.GenesisFile), l.Genesis, 0o600),
		os.MkdirAll(filepath.Join(dir, "keys"), 0o700), config.SaveKey(filepath.Join(dir, "keys", string(sample.Party)+".key"), l.Key()))
}

// keptHalfway leaves what a check of the sample's store keeps after 20 blocks.
func keptHalfway(dir string, genesis []byte) error {
	rules, err := chain.NewRules(genesis)
	if err != nil {
		return err
	}
	src, err := audit.OpenStore(replica.StoreDir(filepath.Join(dir, "replica-0")), rules.Ledger(), false)
	if err != nil {
		return err
	}
	_, err = audit.Verify(context.Background(), rules, src, audit.Options{KeepEvery: 20, Keep: func(k *audit.Kept) error {
		if k.Mark.Height > 20 {
			return nil
		}
		return k.Save(filepath.Join(dir, "kept.store"))
	}})
	return errors.Join(err, src.Close())
}

// scriptCommands are what the scripts know besides running programs.
func scriptCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	edit := func(ts *testscript.TestScript, args []string, change func(raw []byte, at int) []byte) {
		raw, err := os.ReadFile(ts.MkAbs(args[0]))
		ts.Check(err)
		at, err := strconv.Atoi(args[1])
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(args[0]), change(raw, at), 0o600))
	}
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		// spoil FILE OFFSET changes one byte.
		"spoil": func(ts *testscript.TestScript, _ bool, args []string) {
			edit(ts, args, func(raw []byte, at int) []byte { raw[at] ^= 0x20; return raw })
		},
		// cut FILE BYTES keeps the beginning.
		"cut": func(ts *testscript.TestScript, _ bool, args []string) {
			edit(ts, args, func(raw []byte, at int) []byte { return raw[:at] })
		},
		// exits CODE PROGRAM ARGS... demands an exit code.
		"exits": func(ts *testscript.TestScript, _ bool, args []string) {
			err := ts.Exec(args[1], args[2:]...)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || strconv.Itoa(exit.ExitCode()) != args[0] {
				ts.Fatalf("%s: %v, where exit code %s is expected", args[1], err, args[0])
			}
		},
	}
}

// What real replicas leave when they are stopped verifies, and their exports do; all
// four have the same ledger.
func TestTheLedgerOfStoppedReplicasVerifies(t *testing.T) {
	n, err := devnet.Create(devnet.Options{Dir: t.TempDir(), F: 1, ClientNodes: 1})
	require.NoError(t, err)
	local, err := devnet.StartLocal(t.Context(), n, false, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	c, err := devnet.WaitReady(t.Context(), n, n.URLs[0])
	require.NoError(t, err)
	admin, err := n.Key("admin@org0")
	require.NoError(t, err)
	d := ledger.Deployment{Name: "token", Code: examples.TokenRust}
	done, err := c.Submit(t.Context(), client.Signer{Party: "admin@org0", Key: admin}.Sign(n.ID,
		client.Call{Contract: client.SystemContract, Method: "deploy", Args: d.Marshal()}))
	require.NoError(t, err)
	require.Equal(t, ledger.StatusOK, done.Receipt.Result.Status, done.Receipt.Result.Message)
	key, err := n.Key("alice@org0")
	require.NoError(t, err)
	var last ledger.Height
	for i := range 20 {
		s, err := c.Submit(t.Context(), client.Signer{Party: "alice@org0", Key: key}.Sign(n.ID,
			client.Call{Contract: client.SystemContract, Method: "note", Args: fmt.Appendf(nil, "note %d", i)}))
		require.NoError(t, err)
		last = s.Receipt.Header.Height
	}
	c.Close()
	stop, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.NoError(t, local.Stop(stop))
	rules, err := chain.NewRules(n.Raw)
	require.NoError(t, err)
	hashes := map[ledger.Height]ledger.Hash{}
	for _, dir := range n.Replicas {
		folder, err := audit.Find(dir)
		require.NoError(t, err)
		src, err := audit.OpenStore(folder.Store, n.ID, false)
		require.NoError(t, err)
		s, err := audit.Verify(t.Context(), rules, src, audit.Options{Workers: 2})
		require.NoError(t, err)
		require.NoError(t, src.Close())
		require.GreaterOrEqual(t, s.Height+1, last)
		require.Positive(t, s.Certified)
		require.Positive(t, s.Counts.Records)
		if known, ok := hashes[s.Height]; ok {
			require.Equal(t, known, s.Hash)
		}
		hashes[s.Height] = s.Hash
	}
}

func TestProgressIsShownAfterASecond(t *testing.T) {
	var out bytes.Buffer
	show, _ := newMeter(&out, false)
	require.Nil(t, show, "nobody watches a file")
	m := &meter{to: &out, start: time.Now()}
	m.show(audit.Progress{Height: 1, Transactions: 10, Done: 1, Total: 100})
	require.Empty(t, out.String())
	m.start = time.Now().Add(-10 * time.Second)
	m.show(audit.Progress{Height: 26, Transactions: 20_010, Done: 26, Total: 101})
	require.Regexp(t, `^block 26, (2000|19\d\d) tx/s, 26 %, 30s left\n$`, out.String())
	m.show(audit.Progress{Height: 27, Transactions: 20_020, Done: 27, Total: 101})
	require.Equal(t, 1, bytes.Count(out.Bytes(), []byte("\n")), "not every block is worth a line")
}

// verifySample is the command that checks the sample in a folder.
func verifySample(dir, name string, more ...string) *cobra.Command {
	root := newRoot()
	root.SetArgs(append([]string{"ledger", "verify", name, "--genesis", filepath.Join(dir, config.GenesisFile)}, more...))
	return root
}

// A verdict that took hours is told, whatever becomes of the report.
func TestTheVerdictIsToldBeforeTheReportIsWritten(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, sampleLedger(dir))
	store, kept := filepath.Join(dir, "replica-0"), filepath.Join(dir, "kept.store")
	nowhere := []string{"--report", filepath.Join(dir, "missing", "report"), "--dir", dir, "--as", string(sample.Party)}
	var out bytes.Buffer
	root := verifySample(dir, store, append(nowhere, "--resume", kept)...)
	root.SetOut(&out)
	err := root.Execute()
	require.ErrorContains(t, err, "write the report")
	require.Contains(t, out.String(), "verifies")
	require.FileExists(t, kept, "the check can be gone on with to have the report")

	other, err := sample.New(rand.New(rand.NewSource(2)), certificate.SchemeEd25519)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, config.GenesisFile), other.Genesis, 0o600))
	err = verifySample(dir, store, nowhere...).Execute()
	require.ErrorContains(t, err, "the ledger does not verify")
	require.ErrorContains(t, err, "write the report")
	_, _, code := explain(err)
	require.Equal(t, exitLedger, code)
}

// An export that cannot have its name leaves nothing, and one for which there is no room
// ends before the disk is full.
func TestAnExportThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, sampleLedger(dir))
	genesis, err := os.ReadFile(filepath.Join(dir, config.GenesisFile))
	require.NoError(t, err)
	out := filepath.Join(t.TempDir(), "ledger.export")
	require.NoError(t, os.MkdirAll(filepath.Join(out, "taken"), 0o700))
	src, err := audit.OpenStore(replica.StoreDir(filepath.Join(dir, "replica-0")), ledger.GenesisID(genesis), false)
	require.NoError(t, err)
	_, err = writeExport(t.Context(), io.Discard, out, genesis, src, nil)
	require.ErrorContains(t, err, "write the export")
	require.NoError(t, src.Close())
	entries, err := os.ReadDir(filepath.Dir(out))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no hidden file is left")

	disk := t.TempDir()
	w := &roomy{to: io.Discard, dir: disk}
	_, err = w.Write(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, os.Remove(disk)) // so that its room is not known any more
	written := 0
	for err == nil {
		var n int
		n, err = w.Write(make([]byte, 1<<16))
		written += n
	}
	require.Equal(t, roomEvery, written)
}

// That the progress is lost is told whoever interrupts a check.
func TestAnInterruptedCheckSaysWhatIsLost(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, sampleLedger(dir))
	v := &check{resume: filepath.Join(dir, "missing", "kept")}
	v.unkept = (&audit.Kept{}).Save(v.resume)
	err := v.interrupted("ledger.export", errors.Join(context.Canceled, v.unkept))
	require.ErrorContains(t, err, "interrupted")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, v.interrupted("-", context.Canceled), "name the file")
}

// Ctrl-C ends a check of a stream that says nothing.
func TestACheckOfASilentStreamIsInterrupted(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, sampleLedger(dir))
	var export bytes.Buffer
	root := newRoot()
	root.SetOut(&export)
	root.SetErr(io.Discard)
	root.SetArgs([]string{"ledger", "export", "--data", filepath.Join(dir, "replica-0"), "--genesis", filepath.Join(dir, config.GenesisFile), "--out", "-"})
	require.NoError(t, root.Execute())
	for _, given := range []int{0, export.Len() / 2, export.Len() - 1} {
		ctx, cancel := context.WithCancel(t.Context())
		in, to := io.Pipe()
		ended := make(chan error, 1)
		go func() {
			root := verifySample(dir, "-")
			root.SetIn(in)
			root.SetOut(io.Discard)
			ended <- root.ExecuteContext(ctx)
		}()
		_, err := to.Write(export.Bytes()[:given])
		require.NoError(t, err)
		cancel()
		require.ErrorContains(t, <-ended, "interrupted")
		require.NoError(t, to.Close())
	}
}

// What cannot be interrupted ends with the second Ctrl-C.
func TestASecondCtrlCEndsTheProgram(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(secret, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "concordat", "restore", "backup", "--home", t.TempDir(), "--passphrase-file", secret)
	require.NoError(t, cmd.Start())
	w, err := os.OpenFile(secret, os.O_WRONLY, 0) // the program waits for the passphrase now
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for again := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case err := <-ended:
			require.ErrorContains(t, err, "signal: interrupt")
			require.NoError(t, w.Close())
			return
		case <-again.C:
			_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		}
	}
}

// Ctrl-C ends a check with a sentence, and not with a verdict.
func TestAnInterruptedCheckSaysHowToGoOn(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, sampleLedger(dir))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for more, want := range map[string]string{"": "with --resume FILE", "--resume=" + filepath.Join(dir, "kept"): "the same command goes on"} {
		args := []string{}
		if more != "" {
			args = append(args, more)
		}
		err := verifySample(dir, filepath.Join(dir, "replica-0"), args...).ExecuteContext(ctx)
		require.ErrorContains(t, err, "interrupted")
		require.ErrorContains(t, err, want)
		_, _, code := explain(err)
		require.Equal(t, exitFailure, code)
	}
}
