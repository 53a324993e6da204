package exampletest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// refusing is a test that notes that it failed, and ends there.
type refusing struct{ testing.TB }

type refused struct{}

func (refusing) Helper()               {}
func (refusing) Fatal(...any)          { panic(refused{}) }
func (refusing) Fatalf(string, ...any) { panic(refused{}) }

// fails tells whether a check fails.
func fails(t *testing.T, check func(testing.TB)) (failed bool) {
	defer func() {
		if r := recover(); r != nil {
			require.Equal(t, refused{}, r)
			failed = true
		}
	}()
	check(refusing{t})
	return false
}

// A module that does otherwise than the vectors say is found, whatever it does.
func TestOtherBehaviourIsFound(t *testing.T) {
	raw, err := os.ReadFile("../token/vectors.txt")
	require.NoError(t, err)
	modules := map[string]*wasm.Module{"token": compile(t, "../token", "rust", false)}
	for _, change := range [][2]string{
		{"", ""},
		{"ok 0a020258", "ok 0a020259"},
		{"ok 0a020258", "fail 1 no"},
		{"ok 0a020258", "trap"},
		{"fail 1 only mint@b makes units", "fail 2 only mint@b makes units"},
		{"fail 1 only mint@b makes units", "fail 1 nobody makes units"},
		{"event transfer 1207616c69636540611a0203e8", "event transfer 1207616c69636540611a0203e9"},
		{"event transfer 1207616c69636540611a0203e8", "event transfer 1207616c69636540611a0203e8 for=alice@a"},
		{"event transfer 1207616c69636540611a0203e8\n", ""},
		{"state 0762616c616e636505626f624062 0190", "state 0762616c616e636505626f624062 0191"},
		{"state 0762616c616e636505626f624062 0190", "state 0762616c616e636505626f624062 0190 for=bob@b"},
		{"state 0762616c616e636505626f624062 0190\n", ""},
		{"call carol@c total_supply -\n", "call carol@c total_supply -\nasks other get - ok -\n"},
	} {
		text := strings.Replace(string(raw), change[0], change[1], 1)
		require.Equal(t, change[0] == "", text == string(raw), change)
		failed := fails(t, func(tb testing.TB) { replay(tb, "token", modules, parseVectors(tb, text)) })
		require.Equal(t, change[0] != "", failed, change)
	}
}

// A method that is never shown to succeed, and an error that never occurs, are found.
func TestGapsAreFound(t *testing.T) {
	s, err := schema.Parse(schemaOf(t, code(t, "../token", "rust")))
	require.NoError(t, err)
	raw, err := os.ReadFile("../token/behaviour.txt")
	require.NoError(t, err)
	for without, gap := range map[string]bool{"no such words": false, "fail 5": true, "call carol@c total_supply\nok amount=1000\n": true} {
		text := string(raw)
		if gap && strings.HasPrefix(without, "fail") {
			text = strings.ReplaceAll(text, without, "fail 1")
		} else {
			text = strings.ReplaceAll(text, without, "")
		}
		require.Equal(t, gap, text != string(raw), without)
		cases := behaviour(t, text, map[string]*schema.Schema{"": s})
		require.Equal(t, gap, fails(t, func(tb testing.TB) { covers(tb, s, cases) }), without)
	}
}

// Another amount of gas is found.
func TestOtherGasIsFound(t *testing.T) {
	defer func(was bool) { *update = was }(*update)
	*update = false
	spent := &costs{}
	spent.add("transfer", 7)
	spent.add("transfer", 5)
	spent.add("mint", 3)
	require.Equal(t, "mint calls=1 least=3 most=3\ntransfer calls=2 least=5 most=7\n", spent.String())
	file := t.TempDir() + "/gas.txt"
	require.NoError(t, os.WriteFile(file, []byte(spent.String()), 0o600))
	require.False(t, fails(t, func(tb testing.TB) { current(tb, file, spent.String()) }))
	spent.add("transfer", 8)
	require.True(t, fails(t, func(tb testing.TB) { current(tb, file, spent.String()) }))
}
