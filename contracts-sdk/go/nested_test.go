package concordat

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

type address struct {
	Street string
	Zip    uint32
}

func (a *address) Fields(f *Fields) {
	f.String(1, &a.Street)
	f.Uint32(2, &a.Zip)
}

type line struct {
	Item  string
	Price Amount
	From  address
	Parts []line
}

func (l *line) Fields(f *Fields) {
	f.String(1, &l.Item)
	f.Amount(2, &l.Price)
	f.Message(3, &l.From)
	Messages(f, 4, &l.Parts)
}

type order struct {
	Lines  []line
	Ship   address
	Flags  []bool
	Deltas []int32
	Hash   [32]byte
	Tags   []string
	Hashes [][32]byte
	N      uint32
	I      int32
	Prices []Amount
	Raw    [][]byte
	Sums   []uint64
}

func (o *order) Fields(f *Fields) {
	Messages(f, 1, &o.Lines)
	f.Message(2, &o.Ship)
	f.Bools(3, &o.Flags)
	Numbers(f, 4, &o.Deltas)
	f.Hash(5, &o.Hash)
	Texts(f, 6, &o.Tags)
	f.Hashes(7, &o.Hashes)
	f.Uint32(8, &o.N)
	f.Int32(9, &o.I)
	f.Amounts(10, &o.Prices)
	f.BytesList(11, &o.Raw)
	Numbers(f, 12, &o.Sums)
}

func fullOrder() *order {
	long := line{Item: strings.Repeat("x", 300), Price: Amount{1, 2}, From: address{"A", 1}, Parts: []line{{Item: "bolt"}, {}}}
	return &order{Lines: []line{long, {}, {From: address{Zip: 9}}}, Ship: address{"B", 300}, Flags: []bool{true, false}, Deltas: []int32{0, -1, 1 << 30},
		Hash: [32]byte{31: 1}, Tags: []string{"", "x"}, Hashes: [][32]byte{{}, {1}}, N: 7, I: -7, Prices: []Amount{{}, {1, 0}}, Raw: [][]byte{{1}, {2, 3}}, Sums: []uint64{0, 1 << 63}}
}

func TestListsAndMessagesComeBack(t *testing.T) {
	var out order
	if err := Decode(Encode(fullOrder()), &out); err != nil || !reflect.DeepEqual(&out, fullOrder()) {
		t.Fatalf("%v, %+v", err, out)
	}
	if b := Encode(&order{}); len(b) != 0 {
		t.Fatalf("defaults are written: %x", b)
	}
	if err := Decode(nil, &out); err != nil || !reflect.DeepEqual(out, order{}) {
		t.Fatalf("something of the last message remains: %+v", out)
	}
	// As package schema writes it, which is as protobuf does.
	in := order{Lines: []line{{Item: "nail", Price: NewAmount(2), From: address{"A", 1}}, {}}, Ship: address{"B", 300},
		Flags: []bool{true, false}, Deltas: []int32{0, -1}, Tags: []string{"", "x"}, N: 7}
	want := "\x0a\x10\x0a\x04nail\x12\x01\x02\x1a\x05\x0a\x01A\x10\x01" + "\x0a\x00" + "\x12\x06\x0a\x01B\x10\xac\x02" + "\x1a\x02\x01\x00" +
		"\x22\x0b\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + "\x32\x00\x32\x01x" + "\x40\x07"
	if b := Encode(&in); string(b) != want {
		t.Fatalf("%x", b)
	}
}

func TestListsAndMessagesThatAreRefused(t *testing.T) {
	for name, b := range map[string]string{
		"a list of numbers in two pieces": "\x22\x01\x01\x22\x01\x01",
		"an empty list of numbers":        "\x22\x00",
		"a number that is cut off":        "\x22\x01\x80",
		"a number in a longer form":       "\x22\x02\x81\x00",
		"33 bits in a list":               "\x22\x05\x80\x80\x80\x80\x10",
		"a message that is not there":     "\x12\x00",
		"a message twice":                 "\x12\x02\x10\x01\x12\x02\x10\x01",
		"a list that goes on later":       "\x0a\x00\x12\x02\x10\x01\x0a\x00",
		"an unknown field in a message":   "\x12\x02\x18\x01",
		"a message that is too long":      "\x12\x03\x10\x01",
		"a hash of zeros":                 "\x2a\x20" + strings.Repeat("\x00", 32),
		"a long hash":                     "\x2a\x21" + strings.Repeat("\x01", 33),
		"a short hash in a list":          "\x3a\x01\x01",
		"33 bits":                         "\x40\x80\x80\x80\x80\x10",
		"no bool":                         "\x1a\x01\x02",
		"no text in a list":               "\x32\x01\xff",
		"no amount in a list":             "\x52\x01\x00",
	} {
		if err := Decode([]byte(b), new(order)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

// What warms a message up fills its lists, for only then their code has run.
func TestSamplesFillLists(t *testing.T) {
	var o order
	o.Fields(&Fields{mode: sampling})
	if len(o.Tags) != 1 || len(o.Sums) != 1 || len(o.Prices) != 1 || o.Ship.Zip == 0 || o.Hash == [32]byte{} {
		t.Fatalf("%+v", o)
	}
}

func FuzzDecodeNested(f *testing.F) {
	f.Add(Encode(fullOrder()))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m order
		if Decode(b, &m) == nil && !bytes.Equal(Encode(&m), b) {
			t.Fatalf("%x is read as %+v, whose form is %x", b, m, Encode(&m))
		}
	})
}

func TestRawHandsOnWhatItDoesNotKnow(t *testing.T) {
	whole := Encode(&line{Item: "nail", Price: NewAmount(7), Parts: []line{{Item: "head"}}})
	var raw Raw
	if err := Decode(whole, &raw); err != nil || !bytes.Equal(raw, whole) || !bytes.Equal(Encode(&raw), whole) {
		t.Fatalf("%x became %x: %v", whole, []byte(raw), err)
	}
	if err := Decode(nil, &raw); err != nil || len(raw) != 0 {
		t.Fatal("of nothing came", raw, err)
	}
	if Decode([]byte{0xff}, &raw) == nil {
		t.Fatal("what is no message is handed on")
	}
}
