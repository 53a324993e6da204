package replica

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/concordat-ledger/concordat/actors/execution/contracts"
	"github.com/concordat-ledger/concordat/actors/reads"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// teller reads "secret", logs its value, and writes it to "kept" for bob@b alone.
func teller() []byte {
	b := asm.New()
	get, put, log := b.ABI("get"), b.ABI("put"), b.ABI("log")
	b.Data = asm.DataAt(0, []byte("secret\x00\x00kept\x00\x00\x00\x00\x01\x00\x05\x00bob@b"))
	n := asm.I32Const
	b.Call(nil,
		n(0), n(6), n(100), n(20), asm.CallFunc(get), asm.Op(0x1a),
		n(0), n(100), n(3), asm.CallFunc(log),
		n(8), n(4), n(100), n(3), n(16), n(9), asm.CallFunc(put), asm.Op(0x1a),
		n(0))
	return b.Bytes()
}

func withTeller(t *testing.T) *shelf { return withContract(t, teller()) }

// withContract has a contract teller deployed, whose record "secret" is for bob@b.
func withContract(t *testing.T, code []byte) *shelf {
	s := newShelf(t)
	m, err := contracts.NewModules(t.Context(), "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close(t.Context())) })
	s.lookups.modules = m
	s.lookups.genesis.Limits = ledger.DefaultLimits()
	hash := sha256.Sum256(code)
	record := fmt.Sprintf(`{"name":"teller","code":"%x","bytes":%d,"deployer":"alice@a","organisation":"a","height":1}`, hash, len(code))
	s.block(s.party("alice@a", "a", nil), s.party("bob@b", "b", nil), s.party("audit@x", "x", map[string]string{"auditor": "true"}),
		write{key: string(contracts.RecordKey("teller")), value: record}, write{key: string(contracts.CodeKey(hash, 0)), value: string(code)})
	s.block(write{key: string(contracts.Key("teller", []byte("secret"))), value: "xyz", audience: ledger.NewAudience("bob@b")})
	return s
}

// A trial shows the steps, but what the contract reads of others' records, and what it says
// after that, only to those who may read them.
func TestATrialShowsWhatItsReaderMaySee(t *testing.T) {
	s := withTeller(t)
	req := &ledgerpb.StateRequest{Trial: &ledgerpb.TrialRequest{Contract: "teller", Method: "x", Trace: true}}
	for as, sees := range map[ledger.Party]bool{"alice@a": false, "bob@b": true, "audit@x": true} {
		got, err := s.answer(as, req)
		require.NoError(t, err)
		trial := got.GetTrial()
		require.Equal(t, "ok", trial.GetResult().GetStatus(), trial.GetResult().GetMessage())
		var what []string
		for _, st := range trial.GetSteps() {
			what = append(what, st.GetWhat())
			require.Equal(t, !sees, st.GetHidden(), "%s %s", as, st.GetWhat())
		}
		require.Equal(t, []string{"get", "log", "put"}, what)
		raw, err := proto.Marshal(got)
		require.NoError(t, err)
		if sees {
			require.Len(t, trial.GetChanges(), 1)
			require.Equal(t, "xyz", string(trial.GetChanges()[0].GetValue()))
			require.Contains(t, string(raw), "secret")
		} else {
			require.Empty(t, trial.GetChanges())
			require.EqualValues(t, 1, trial.GetHidden())
			require.NotContains(t, string(raw), "xyz")
			require.NotContains(t, string(raw), "secret")
		}
	}
	got, err := s.ask("", &ledgerpb.StateRequest{Key: contracts.Key("teller", []byte("kept"))})
	require.NoError(t, err)
	require.Empty(t, got.GetEntries(), "nothing was written")
}

func TestATrialIsRefused(t *testing.T) {
	s := withTeller(t)
	trial := func(r *ledgerpb.TrialRequest, height uint64) *ledgerpb.StateRequest {
		return &ledgerpb.StateRequest{Trial: r, Height: height}
	}
	for why, c := range map[string]struct {
		as   ledger.Party
		req  *ledgerpb.StateRequest
		text string
	}{
		"not signed":             {"", trial(&ledgerpb.TrialRequest{Contract: "teller"}, 0), "sign the request"},
		"of a block to come":     {"alice@a", trial(&ledgerpb.TrialRequest{Contract: "teller"}, 9), "the newest is 2"},
		"no transaction":         {"alice@a", trial(&ledgerpb.TrialRequest{TxId: "zz"}, 0), "not found"},
		"an unknown transaction": {"alice@a", trial(&ledgerpb.TrialRequest{TxId: fmt.Sprintf("%064d", 0)}, 0), "not found"},
	} {
		_, err := s.answer(c.as, c.req)
		require.ErrorContains(t, err, c.text, why)
	}
	_, err := s.answer("alice@a", trial(&ledgerpb.TrialRequest{TxId: "zz"}, 0))
	require.ErrorIs(t, err, reads.ErrNotFound)
	got, err := s.answer("alice@a", trial(&ledgerpb.TrialRequest{Contract: "nobody", Method: "x"}, 0))
	require.NoError(t, err)
	require.Equal(t, "unknown contract", got.GetTrial().GetResult().GetStatus())
	got, err = s.answer("alice@a", trial(&ledgerpb.TrialRequest{Contract: "teller", Method: "x", GasLimit: 1500}, 1))
	require.NoError(t, err)
	require.Equal(t, "out of gas", got.GetTrial().GetResult().GetStatus())
}

// prier reads "secret", and then what stands at its value, removes both, and asks another
// contract of that name.
func prier() []byte {
	b := asm.New()
	get, del := b.ABI("get"), b.ABI("del")
	b.Data = asm.DataAt(0, []byte("secret"))
	n := asm.I32Const
	b.Call(nil,
		n(0), n(6), n(100), n(20), asm.CallFunc(get), asm.Op(0x1a),
		n(100), n(3), n(200), n(20), asm.CallFunc(get), asm.Op(0x1a),
		n(100), n(3), asm.CallFunc(del), asm.Op(0x1a),
		n(0), n(6), asm.CallFunc(del), asm.Op(0x1a),
		n(0))
	return b.Bytes()
}

// Keys that a contract makes of what the reader may not see tell of it as well: of what it
// looks for and does not find, and of what it removes.
func TestATrialShowsNoKeysThatComeOfASecret(t *testing.T) {
	s := withContract(t, prier())
	for _, trace := range []bool{true, false} {
		req := &ledgerpb.StateRequest{Trial: &ledgerpb.TrialRequest{Contract: "teller", Method: "x", Trace: trace}}
		got, err := s.answer("alice@a", req)
		require.NoError(t, err)
		raw, err := proto.Marshal(got)
		require.NoError(t, err)
		require.NotContains(t, string(raw), "xyz")
		require.NotContains(t, string(raw), "secret")
		require.Empty(t, got.GetTrial().GetChanges())
		require.EqualValues(t, 2, got.GetTrial().GetHidden())
		got, err = s.answer("bob@b", req)
		require.NoError(t, err)
		require.Len(t, got.GetTrial().GetChanges(), 2)
		for _, c := range got.GetTrial().GetChanges() {
			require.True(t, c.GetDeleted())
			require.Empty(t, c.GetValue())
		}
	}
}
