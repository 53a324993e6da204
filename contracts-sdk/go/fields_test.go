package concordat

import (
	"bytes"
	"testing"
)

type everything struct {
	S    string
	U    uint64
	I    int64
	B    bool
	A    Amount
	P    Party
	Y    []byte
	Last uint64
}

func (e *everything) Fields(f *Fields) {
	f.String(1, &e.S)
	f.Uint64(2, &e.U)
	f.Int64(3, &e.I)
	f.Bool(4, &e.B)
	f.Amount(9, &e.A)
	f.Party(10, &e.P)
	f.Bytes(200, &e.Y)
	f.Uint64(300, &e.Last)
}

func TestEveryFieldComesBack(t *testing.T) {
	in := everything{"text", 1 << 63, -5, true, Amount{1, 2}, "alice@a", []byte{0, 1}, 7}
	var out everything
	if err := Decode(Encode(&in), &out); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(Encode(&in), Encode(&out)) || out.S != in.S || out.I != in.I || out.A != in.A {
		t.Fatalf("%+v", out)
	}
	if b := Encode(&everything{}); len(b) != 0 {
		t.Fatalf("defaults are written: %x", b)
	}
}

// Whatever is accepted is the one form of what was read.
func FuzzDecode(f *testing.F) {
	f.Add(Encode(&everything{"text", 300, -5, true, Amount{1, 2}, "alice@a", []byte{0, 1}, 7}))
	f.Add([]byte{0x08, 0x00})
	f.Add([]byte{0x10, 0x80, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m everything
		if Decode(b, &m) == nil && !bytes.Equal(Encode(&m), b) {
			t.Fatalf("%x is read as %+v, whose form is %x", b, m, Encode(&m))
		}
	})
}
