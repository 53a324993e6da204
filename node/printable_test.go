package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// steers has colours in both forms, a change of the direction of text, and a line that
// looks like one of the program's own.
const steers = "a\x1b[31m\u009b31mé…\u202e\x7f\U000e0001\r\nconcordat: all is well\tb"

func TestOthersWordsDoNotSteerTheTerminal(t *testing.T) {
	require.Equal(t, "a�[31mé…", printable("a\x1b[31mé…"))
	require.Equal(t, "a�[31m�31mé…���\n  concordat: all is well    b", printableLines(steers))
}

func TestOutputForProgramsDoesNotSteerTheTerminalAndKeepsItsValues(t *testing.T) {
	for _, form := range []string{"json", "yaml"} {
		f := &flags{output: form}
		var out bytes.Buffer
		require.NoError(t, f.render(&out, map[string]any{"word": steers, "n": uint64(1<<64 - 1)}, nil), form)
		for _, c := range []string{"\x1b", "\u009b", "\x7f", "\r"} {
			require.NotContains(t, out.String(), c, form)
		}
		var back struct {
			Word string
			N    uint64
		}
		if form == "json" {
			require.NotContains(t, out.String(), "\u202e")
			require.NoError(t, json.Unmarshal(out.Bytes(), &back))
		} else {
			require.NoError(t, yaml.Unmarshal(out.Bytes(), &back))
		}
		require.Equal(t, steers, back.Word, form)
		require.Equal(t, uint64(1<<64-1), back.N, form)
	}
}
