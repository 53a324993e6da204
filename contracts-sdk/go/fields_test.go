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

// The envelope of a call may hold any number of attributes, an empty one too, and
// nothing else twice.
func TestTheEnvelopeHoldsSeveralAttributes(t *testing.T) {
	attribute := func(name, value string) []byte {
		b := Encode(&Attribute{name, value})
		return append([]byte{5<<3 | wireBytes, byte(len(b))}, b...)
	}
	envelope := []byte{1<<3 | wireBytes, 1, 'm', 3<<3 | wireBytes, 1, 'p'}
	envelope = append(envelope, attribute("role", "teller")...)
	envelope = append(envelope, attribute("", "")...)
	envelope = append(envelope, attribute("role", "auditor")...)
	whole := append(bytes.Clone(envelope), 8<<3, 9)
	var c Context
	if err := Decode(whole, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Attributes) != 3 || c.Attributes[2] != (Attribute{"role", "auditor"}) || c.Attributes[1] != (Attribute{}) || c.Height != 9 {
		t.Fatalf("%+v", c)
	}
	for name, bad := range map[string][]byte{
		"cut off":      whole[:12],
		"of no length": append(bytes.Clone(envelope), 5<<3|wireBytes),
		"not in order": append(bytes.Clone(envelope), 4<<3|wireBytes, 1, 'o'),
		"malformed":    append(bytes.Clone(envelope), 5<<3|wireBytes, 1, 0xff),
		"height twice": append(bytes.Clone(whole), 8<<3, 9),
	} {
		if Decode(bad, new(Context)) == nil {
			t.Errorf("an envelope is read that is %s: %x", name, bad)
		}
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
