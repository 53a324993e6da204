package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/retention"
)

func policyOf(text string) (retention.Policy, error) {
	var n Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		return retention.Policy{}, err
	}
	return n.Retention.Policy()
}

func TestRetentionIsReadAsItIsWritten(t *testing.T) {
	for text, want := range map[string]retention.Policy{
		"id: replica-0\n":              {},
		"retention:\n":                 {},
		"retention: {archive: true}\n": {},
		"retention: {archive: true, hold: {parties: [a@b]}}\n": {Parties: []ledger.Party{"a@b"}},
		"retention:\n  blocks: 1000\n":                         {Blocks: 1000},
		"retention:\n  blocks: 7\n  age: 720h\n":               {Blocks: 7, Age: ledger.Time(720 * time.Hour)},
		"retention:\n  age: 1h30m\n  hold:\n    contracts: [token, concordat]\n    parties: [alice@org0]\n": {
			Age: ledger.Time(90 * time.Minute), Contracts: []string{"token", "concordat"}, Parties: []ledger.Party{"alice@org0"}},
	} {
		got, err := policyOf(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestRetentionThatCannotBeIsRefusedInOneSentence(t *testing.T) {
	for text, why := range map[string]string{
		"retention: all\n":                                                      "it must have blocks, age, archive or hold below it",
		"retention: {blocks: 0}\n":                                              `blocks must be a number from 1 on, and is "0"`,
		"retention: {blocks: -4}\n":                                             `blocks must be a number from 1 on, and is "-4"`,
		"retention: {blocks: many}\n":                                           `blocks must be a number from 1 on, and is "many"`,
		"retention: {blocks: [1]}\n":                                            "blocks in line 1 is not of the right kind",
		"retention: {age: 30}\n":                                                `age must be a time above zero such as 720h, and is "30"`,
		"retention: {age: -1h}\n":                                               `age must be a time above zero such as 720h, and is "-1h"`,
		"retention: {archive: perhaps}\n":                                       "archive in line 1 is not of the right kind",
		"retention: {archive: true, blocks: 5}\n":                               "archive keeps everything, so blocks and age must not be given with it",
		"retention: {block: 5}\n":                                               `it knows blocks, age, archive and hold, not "block"`,
		"retention: {hold: token}\n":                                            "hold must have contracts or parties below it",
		"retention: {hold: [token]}\n":                                          "hold must have contracts or parties below it",
		"retention:\n  hold:\n":                                                 "hold in line 2 has no value",
		"retention: {hold: {contracts: }}\n":                                    "contracts in line 1 has no value",
		"retention: {hold: {contracts: token}}\n":                               "contracts in line 1 is not of the right kind",
		"retention: {hold: {parties: {a@b: 1}}}\n":                              "parties in line 1 is not of the right kind",
		"retention:\n  blocks: 5\n  blocks: 500\n":                              "blocks in line 3 is there twice",
		"retention:\n  hold: {contracts: [token]}\n  hold: {parties: [a@b]}\n":  "hold in line 3 is there twice",
		"retention:\n  hold:\n    contracts: [token]\n    contracts: [other]\n": "contracts in line 4 is there twice",
		"retention: {hold: {party: [a@b]}}\n":                                   `hold knows contracts and parties, not "party"`,
		"retention: {hold: {parties: [Alice]}}\n":                               `no party to hold can be called "Alice"; a name is like alice@org0`,
		"retention: {hold: {contracts: [\"a b\"]}}\n":                           `no contract to hold can be called "a b"`,
	} {
		_, err := policyOf(text)
		require.Error(t, err, text)
		require.Equal(t, "the retention in node.yaml cannot be followed: "+why, err.Error())
		require.NotContains(t, err.Error(), "\n")
	}
}

func TestAClientNodeHasNoRetention(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, NodeFile), []byte("kind: "+string(ledger.MemberClientNode)+"\nretention: {blocks: 5}\n"), 0o600))
	_, err := Load(dir)
	require.Error(t, err)
	require.True(t, strings.HasSuffix(err.Error(), "a client node keeps no blocks"), err.Error())
}

func TestAFolderThatCannotBeReadIsNamed(t *testing.T) {
	dir := t.TempDir()
	node := filepath.Join(dir, NodeFile)
	require.NoError(t, os.WriteFile(node, nil, 0o600))
	_, err := Load(dir)
	require.EqualError(t, err, "read "+node+": it is empty")
	require.NoError(t, os.WriteFile(node, []byte("kind: replica\ngenesis: "+GenesisFile+"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, GenesisFile), []byte("{"), 0o600))
	_, err = Load(dir)
	require.ErrorContains(t, err, filepath.Join(dir, GenesisFile)+": unusable genesis")
}
