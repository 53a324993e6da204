package control

import (
	"bufio"
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func frame(t testing.TB, kind byte, name string, raw []byte) []byte {
	var b bytes.Buffer
	require.NoError(t, writeFrame(bufio.NewWriter(&b), kind, name, raw))
	return b.Bytes()
}

func FuzzReadFrame(f *testing.F) {
	f.Add(frame(f, framePiece, "state-00001", []byte("abc")))
	f.Add(frame(f, frameEnd, "", nil))
	f.Add([]byte{1, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		kind, name, body, err := readFrame(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		again := frame(t, kind, name, body)
		require.Equal(t, raw[:len(again)], again)
	})
}
