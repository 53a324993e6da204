package ledger

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is accepted has one byte form.
func FuzzParseDeployment(f *testing.F) {
	d := Deployment{Name: "token", Code: []byte("\x00asm"), Init: []byte{1}, Initialise: true}
	f.Add(d.Marshal())
	f.Add([]byte{0x0a})
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseDeployment(b); err == nil && !bytes.Equal(d.Marshal(), b) {
			t.Fatalf("%x is read as %+v", b, d)
		}
	})
}

func FuzzParseBlockParts(f *testing.F) {
	r := Result{Status: StatusOK, Output: []byte("out"), Events: []Event{{Contract: "c", Topic: "t", Data: []byte("d")}}}
	f.Add(r.Marshal())
	h := Header{Height: 3, TxCount: 2}
	f.Add(h.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := ParseResult(b); err == nil && !bytes.Equal(r.Marshal(), b) {
			t.Fatalf("%x is read as %+v", b, r)
		}
		if h, err := ParseHeader(b); err == nil && !bytes.Equal(h.Marshal(), b) {
			t.Fatalf("%x is read as %+v", b, h)
		}
		if o, err := ParseOutcome(b); err == nil && !bytes.Equal(o.Marshal(), b) {
			t.Fatalf("%x is read as %+v", b, o)
		}
	})
}

func FuzzParseAttestation(f *testing.F) {
	f.Add((&Attestation{Kind: AttestState, Claim: []byte("claim"), Certificate: []byte("certificate")}).Marshal())
	f.Add((&Receipt{Path: MerklePath{{1}}}).Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := ParseAttestation(b); err == nil {
			require.Equal(t, b, a.Marshal())
		}
		if r, err := ParseReceipt(b); err == nil {
			require.Equal(t, b, r.Marshal())
		}
	})
}
