package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestKeysAreShownByTheirParts(t *testing.T) {
	for key, want := range map[string]string{
		"supply":                                      "supply",
		"\x07balance\x0aalice@org0":                   "parts:balance,alice@org0",
		"c/token/\x07balance\x0aalice@org0":           "c/token/parts:balance,alice@org0",
		"\x03iou\x08\x00\x00\x00\x00\x00\x00\x00\x2a": "parts:iou,#42",
		"\x03iou\x08\xff\xff\xff\xff\xff\xff\xff\xff": "parts:iou,#18446744073709551615",
		"\x03iou\x08ABCDEFGH":                         "parts:iou,ABCDEFGH",
		"\x01a\x00":                                   "parts:a,",
		"\x00":                                        "parts:",
		"\x05a":                                       "hex:0561",
		"\x03a,b":                                     "hex:03612c62",
		"\x03a\x1bb":                                  "hex:03611b62",
		"parts:a":                                     "hex:70617274733a61",
		"hex:61":                                      "hex:6865783a3631",
		"c/token/":                                    "c/token/",
		"c/Token/\x01a":                               "hex:632f546f6b656e2f0161",
		"":                                            "",
	} {
		require.Equal(t, want, shownKey([]byte(key)))
		back, err := givenKey(want)
		require.NoError(t, err, want)
		require.Equal(t, key, string(back), want)
	}
	for _, bad := range []string{"hex:zz", "parts:#x", "parts:#18446744073709551616"} {
		_, err := givenKey(bad)
		require.ErrorContains(t, err, "read the key", bad)
	}
}

func TestEveryKeyThatIsShownCanBeGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var key []byte
		if rapid.Bool().Draw(t, "within a contract") {
			key = []byte("c/token/")
		}
		for _, part := range rapid.SliceOfN(rapid.OneOf(rapid.SliceOfN(rapid.Byte(), 8, 8), rapid.SliceOfN(rapid.Byte(), 0, 12),
			rapid.SliceOfN(rapid.ByteRange('a', 'd'), 0, 12), rapid.Just([]byte("parts:")), rapid.Just([]byte("hex:a"))), 0, 4).Draw(t, "parts") {
			if rapid.Bool().Draw(t, "length") {
				key = append(key, byte(len(part)))
			}
			key = append(key, part...)
		}
		back, err := givenKey(shownKey(key))
		if err != nil || string(back) != string(key) {
			t.Fatalf("%q is shown as %q, which is read as %q: %v", key, shownKey(key), back, err)
		}
	})
}
