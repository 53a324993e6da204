package actorspb

import "testing"

func FuzzParseFinality(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("concordat"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = ParseFinality(b) // an error, not a panic
	})
}
