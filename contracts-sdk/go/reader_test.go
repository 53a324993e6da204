package concordat

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func fullKinds() *kinds {
	return &kinds{S: strings.Repeat("é", 70), U: 1 << 63, I: -1, N: 1<<32 - 1, J: -1 << 31, B: true, A: Amount{1, 2}, P: "alice@a", Y: []byte{0}, H: [32]byte{31: 1},
		Inner: part{strings.Repeat("i", 200), 1}, Price: 3, Name: "n", Set: true, Parts: []part{{}, {"x", 300}, {strings.Repeat("p", 130), 0}},
		Texts: []string{"", "texts of eight and more"}, Parties: []Party{"p"}, Names: []label{"q", ""}, Raw: [][]byte{{}, {1, 2}}, Amounts: []Amount{{}, {7, 0}},
		Hashes: [][32]byte{{}, {1}}, Us: []uint64{0, 1 << 63}, Js: []int32{-1, 1}, Prices: []cents{9}, Bs: []bool{false, true}, Last: true}
}

// slowly reads field by field, as a method Fields written by hand does.
func slowly(b []byte, m Message) string {
	f := Fields{b: b, plain: true}
	f.next()
	m.Fields(&f)
	if f.bad == "" && f.tag != 0 {
		f.fail("a field is unknown or out of order")
	}
	return f.bad
}

// same holds what the written code makes of bytes against what Fields makes of them.
func same(t *testing.T, b []byte) (accepted bool) {
	t.Helper()
	var want, have, direct kinds
	bad := slowly(b, &want)
	var r Reader
	r.Read(b)
	direct.concordatRead(&r)
	err := Decode(b, &have)
	if r.Whole() != (bad == "") || (err == nil) != (bad == "") {
		t.Fatalf("%x: %q field by field, whole %v at once, %v by Decode", b, bad, r.Whole(), err)
	}
	out, failed := Dispatch(new(Context), "echo", b)
	if bad != "" {
		if err.Error() != bad || failed == nil || failed.Error() != "echo: "+bad {
			t.Fatalf("%x: %q and %q, %v of the method", b, bad, err, failed)
		}
		return false
	}
	if !reflect.DeepEqual(want, have) || !reflect.DeepEqual(want, direct) {
		t.Fatalf("%x:\n%+v\n%+v\n%+v", b, want, have, direct)
	}
	if failed != nil || !bytes.Equal(out, b) || !bytes.Equal(Encode(&want), b) {
		t.Fatalf("%x is written as %x, %v", b, out, failed)
	}
	return true
}

func TestWrittenCodeReadsAsFieldsDoes(t *testing.T) {
	whole := Encode(fullKinds())
	var out kinds
	if err := Decode(whole, &out); err != nil || !reflect.DeepEqual(&out, fullKinds()) {
		t.Fatalf("%v %+v", err, out)
	}
	if !same(t, whole) || !same(t, nil) {
		t.Fatal("what was written is not read")
	}
	accepted, refused := 0, 0
	try := func(b []byte) {
		if same(t, b) {
			accepted++
		} else {
			refused++
		}
	}
	for at := range whole {
		try(whole[:at])
		for _, change := range []byte{1, 2, 8, 0x10, 0x80, 0xff, whole[at], whole[at] ^ 0x7f, whole[at] ^ (whole[at] + 1), whole[at] ^ (whole[at] - 1)} {
			b := bytes.Clone(whole)
			b[at] ^= change
			try(b)
		}
		try(append(bytes.Clone(whole[:at]), whole[min(at+1, len(whole)):]...))
		try(append(append(bytes.Clone(whole[:at]), 0), whole[at:]...))
	}
	if accepted < 500 || refused < 500 {
		t.Fatal(accepted, refused)
	}
}

// A tag may have 29 bits and one more, so that a key has more than 32.
func TestKeysOfMoreThan32BitsAreNotWrapped(t *testing.T) {
	for _, b := range []string{
		"\x80\x80\x80\x80\x10\x01", "\x82\x80\x80\x80\x10\x01a", "\xf8\xff\xff\xff\x0f\x01", "\x80\x80\x80\x80\x20\x01",
		"\x0a\x01a\x80\x80\x80\x80\x10\x01", "\x0a\x01a\x88\x80\x80\x80\x10\x01",
	} {
		if same(t, []byte(b)) {
			t.Fatalf("%x is read", b)
		}
	}
}

// A field that is left out is made zero, and one that is no part of the message stays.
func TestReadingReplacesEverything(t *testing.T) {
	m := fullKinds()
	m.skipped = 5
	if err := Decode(nil, m); err != nil || !reflect.DeepEqual(m, &kinds{skipped: 5}) {
		t.Fatalf("%v %+v", err, m)
	}
}

func FuzzDirect(f *testing.F) {
	f.Add(Encode(fullKinds()))
	f.Add([]byte("\x0a\x01a\x80\x80\x80\x80\x10\x01"))
	f.Fuzz(func(t *testing.T, b []byte) { same(t, b) })
}

// The envelope of a call is read by code of its own, too.
func FuzzEnvelope(f *testing.F) {
	c := Context{method: "m", args: []byte{1}, Caller: "alice@a", Organisation: "a", Via: "v", Self: "s", Height: 300, Time: 1 << 60, CommandID: []byte{0}}
	whole := Encode(&c)
	f.Add(whole)
	f.Add(append([]byte("\x0a\x01m\x2a\x00\x2a\x04\x0a\x02ab"), "\x32\x01v"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var want, have Context
		bad, err := slowly(b, &want), readCall(b, &have)
		if (err == nil) != (bad == "") || err != nil && err.Error() != bad {
			t.Fatalf("%x: %q and %v", b, bad, err)
		}
		if err == nil && !reflect.DeepEqual(want, have) {
			t.Fatalf("%x: %+v and %+v", b, want, have)
		}
	})
}
