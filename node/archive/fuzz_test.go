package archive

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParseSums(f *testing.F) {
	s := sums{kind: KindBackup}
	s.add("b/c", []byte("one"))
	s.add("a", []byte("two"))
	f.Add(s.marshal())
	f.Add([]byte("# concordat snapshot 1\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if s, err := parseSums(raw); err == nil {
			require.Equal(t, raw, s.marshal(), "there is one form only")
		}
	})
}

func FuzzTarIndex(f *testing.F) {
	head, err := tarHeader("snapshot/block", 3)
	require.NoError(f, err)
	f.Add(append(append(head, "abc"...), make([]byte, tarPadding(3)+2*tarBlock)...))
	f.Add(make([]byte, 2*tarBlock))
	f.Fuzz(func(t *testing.T, raw []byte) {
		names, files, err := tarIndex(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			return
		}
		var again []byte
		for _, name := range names {
			s := files[name]
			head, err := tarHeader(name, s.size)
			require.NoError(t, err)
			again = append(append(again, head...), raw[s.offset:s.offset+s.size]...)
			again = append(again, make([]byte, tarPadding(s.size))...)
		}
		require.Equal(t, raw, append(again, make([]byte, 2*tarBlock)...), "there is one form only")
	})
}

func FuzzParseNote(f *testing.F) {
	f.Add([]byte(`{"version":1,"height":3,"tip":5}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if n, err := parseNote(raw); err == nil {
			require.LessOrEqual(t, n.Height, n.Tip)
		}
	})
}

func FuzzParseNode(f *testing.F) {
	f.Add([]byte("kind: replica\nid: replica-0\npeers: {a: b}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if n, err := parseNode(raw); err == nil {
			require.NotNil(t, n)
		}
	})
}
