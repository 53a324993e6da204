package schema_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/wasm/schema"
)

const nested = `{"version":1,"contract":"order","methods":[
 {"name":"place","in":[{"name":"lines","tag":1,"type":"line","repeated":true},{"name":"ship","tag":2,"type":"address"},
  {"name":"flags","tag":3,"type":"bool","repeated":true,"optional":true},{"name":"deltas","tag":4,"type":"int32","repeated":true,"optional":true},
  {"name":"hash","tag":5,"type":"hash","optional":true},{"name":"tags","tag":6,"type":"string","repeated":true,"optional":true},
  {"name":"hashes","tag":7,"type":"hash","repeated":true,"optional":true},{"name":"n","tag":8,"type":"uint32","optional":true}]}],
 "types":[{"name":"address","fields":[{"name":"street","tag":1,"type":"string"},{"name":"zip","tag":2,"type":"uint32"}]},
  {"name":"line","fields":[{"name":"item","tag":1,"type":"string"},{"name":"price","tag":2,"type":"amount"},{"name":"from","tag":3,"type":"address"}]}]}`

func order(t testing.TB) *schema.Schema {
	s, err := schema.Parse([]byte(nested))
	require.NoError(t, err)
	return s
}

// The bytes are those that protobuf gives for the same values.
func TestListsAndObjectsHaveTheirForm(t *testing.T) {
	s := order(t)
	b, err := s.ArgsFromJSON("place", []byte(`{"lines":[{"item":"nail","price":"2","from":{"street":"A","zip":1}},{"item":"","price":0,"from":{"street":"","zip":0}}],
		"ship":{"street":"B","zip":300},"flags":[true,false],"deltas":[0,-1],"tags":["","x"],"n":7}`))
	require.NoError(t, err)
	want := "\x0a\x10\x0a\x04nail\x12\x01\x02\x1a\x05\x0a\x01A\x10\x01" + "\x0a\x00" + "\x12\x06\x0a\x01B\x10\xac\x02" + "\x1a\x02\x01\x00" +
		"\x22\x0b\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + "\x32\x00\x32\x01x" + "\x40\x07"
	require.Equal(t, want, string(b))
	text, err := s.ArgsJSON("place", b)
	require.NoError(t, err)
	require.JSONEq(t, `{"lines":[{"item":"nail","price":"2","from":{"street":"A","zip":"1"}},{"item":"","price":"0","from":null}],
		"ship":{"street":"B","zip":"300"},"flags":[true,false],"deltas":["0","-1"],"tags":["","x"],"n":"7"}`, string(text))
	pairs, err := s.ArgsFromPairs("place", []string{"lines=[]", `ship={"street":"B","zip":300}`, "hash=" + strings.Repeat("0f", 32), "deltas=[1, 2]"})
	require.NoError(t, err)
	require.Equal(t, "\x12\x06\x0a\x01B\x10\xac\x02\x22\x02\x01\x02\x2a\x20"+strings.Repeat("\x0f", 32), string(pairs))
}

func TestErrorsInListsAndObjectsSayWhatToDo(t *testing.T) {
	s := order(t)
	for text, want := range map[string]string{
		`{"lines":[],"ship":{"street":"B"}}`:                            "ship needs zip (a whole number of up to 32 bits)",
		`{"lines":{},"ship":{"street":"B","zip":1}}`:                    "not a JSON list of objects line",
		`{"lines":null,"ship":{"street":"B","zip":1}}`:                  "not a JSON list",
		`{"lines":[{"item":"x","price":1}],"ship":{}}`:                  "lines needs from (a JSON object address)",
		`{"lines":[],"ship":"x"}`:                                       "ship takes a JSON object",
		`{"lines":[],"ship":{"street":"B","zip":1,"zip":2}}`:            `"zip" stands twice`,
		`{"lines":[],"ship":{"street":"B","zip":4294967296}}`:           "zip is",
		`{"lines":[],"ship":{"street":"B","zip":1,"x":2}}`:              `ship has no argument "x"`,
		`{"lines":[],"ship":{"street":"B","zip":1},"hash":"00"}`:        "64 hexadecimal digits",
		`{"lines":[],"ship":{"street":"B","zip":1},"deltas":[1,"x"]}`:   "deltas is",
		`{"lines":[],"ship":{"street":"B","zip":1},"deltas":[-3e9]}`:    "deltas is",
		`{"lines":[],"ship":{"street":"B","zip":1},"tags":["\ud800"]}`:  "half of a character",
		`{"lines":[],"ship":{"street":"B","zip":1},"flags":["x",true]}`: "flags is",
	} {
		_, err := s.ArgsFromJSON("place", []byte(text))
		require.ErrorIs(t, err, schema.ErrArguments, text)
		require.Contains(t, err.Error(), want, text)
	}
	_, err := s.ArgsFromPairs("place", []string{"lines=nails", "ship=x"})
	require.ErrorContains(t, err, `lines is "nails", which is not a JSON list of objects line`)
}

func TestListsAndObjectsThatDoNotFit(t *testing.T) {
	s := order(t)
	for name, b := range map[string]string{
		"a list of numbers in two pieces":  "\x22\x01\x01\x22\x01\x01",
		"an empty list of numbers":         "\x22\x00",
		"a number that is cut off":         "\x22\x01\x80",
		"a number in a longer form":        "\x22\x02\x81\x00",
		"an object that is not there":      "\x12\x00",
		"an object twice":                  "\x12\x02\x10\x01\x12\x02\x10\x01",
		"a list that goes on later":        "\x0a\x00\x12\x02\x10\x01\x0a\x00",
		"an object with an unknown field":  "\x12\x02\x18\x01",
		"an object in an object, unsorted": "\x0a\x04\x12\x01\x02\x0a\x00",
		"a hash of zeros":                  "\x2a\x20" + strings.Repeat("\x00", 32),
		"a short hash in a list":           "\x3a\x01\x01",
		"33 bits":                          "\x40\x80\x80\x80\x80\x10",
		"no bool":                          "\x1a\x01\x02",
	} {
		_, err := s.ArgsJSON("place", []byte(b))
		require.ErrorIs(t, err, schema.ErrBytes, name)
	}
}

// Few bytes can stand for much text; it has an end.
func TestWhatIsShownIsBounded(t *testing.T) {
	fields := make([]string, 64)
	for i := range fields {
		fields[i] = fmt.Sprintf(`{"name":"%s%02d","tag":%d,"type":"hash"}`, strings.Repeat("x", 60), i, i+1)
	}
	s, err := schema.Parse([]byte(`{"version":1,"contract":"x","types":[{"name":"t","fields":[` + strings.Join(fields, ",") +
		`]}],"methods":[{"name":"m","in":[{"name":"l","tag":1,"type":"t","repeated":true}]}]}`))
	require.NoError(t, err)
	_, err = s.ArgsJSON("m", []byte(strings.Repeat("\x0a\x00", 100)))
	require.NoError(t, err)
	_, err = s.ArgsJSON("m", []byte(strings.Repeat("\x0a\x00", 30_000)))
	require.ErrorContains(t, err, "more than 4194304 bytes")
}

func TestTypesThatAreRefused(t *testing.T) {
	with := func(types string) string {
		return `{"version":1,"contract":"x","methods":[{"name":"m"}],"types":[` + types + `]}`
	}
	for text, want := range map[string]string{
		`{"name":"a","fields":[{"name":"x","tag":1,"type":"a","repeated":true}]}`:                                         "unknown type",
		`{"name":"a","fields":[{"name":"x","tag":1,"type":"b"}]},{"name":"b","fields":[{"name":"x","tag":1,"type":"a"}]}`: "stands in the list of types before",
		`{"name":"string"}`:         "built-in",
		`{"name":"A"}`:              "no name",
		`{"name":"a"},{"name":"a"}`: "stands twice",
	} {
		_, err := schema.Parse([]byte(with(text)))
		require.ErrorIs(t, err, schema.ErrSchema, text)
		require.ErrorContains(t, err, want, text)
	}
}

func TestRoundTripOfListsAndObjects(t *testing.T) {
	s := order(t)
	word := rapid.StringMatching(`[a-z ]{0,9}`)
	rapid.Check(t, func(t *rapid.T) {
		address := func() map[string]any {
			return map[string]any{"street": "s" + word.Draw(t, "street"), "zip": fmt.Sprint(rapid.Uint32().Draw(t, "zip"))}
		}
		object := map[string]any{"ship": address(), "n": fmt.Sprint(rapid.Uint32Min(1).Draw(t, "n")),
			"hash": fmt.Sprintf("%064x", rapid.Uint64Min(1).Draw(t, "hash")), "hashes": []string{fmt.Sprintf("%064x", rapid.Uint64().Draw(t, "h"))},
			"flags": rapid.SliceOfN(rapid.Bool(), 1, 9).Draw(t, "flags"), "tags": rapid.SliceOfN(word, 1, 9).Draw(t, "tags")}
		lines, deltas := []any{}, []string{fmt.Sprint(rapid.Int32().Draw(t, "delta"))}
		for range rapid.IntRange(0, 5).Draw(t, "lines") {
			lines = append(lines, map[string]any{"item": word.Draw(t, "item"), "price": fmt.Sprint(rapid.Uint64().Draw(t, "price")), "from": address()})
		}
		object["lines"], object["deltas"] = lines, deltas
		text, err := json.Marshal(object)
		require.NoError(t, err)
		b, err := s.ArgsFromJSON("place", text)
		require.NoError(t, err)
		back, err := s.ArgsJSON("place", b)
		require.NoError(t, err)
		require.JSONEq(t, string(text), string(back))
	})
}

func FuzzListsAndObjects(f *testing.F) {
	s := order(f)
	f.Add([]byte("\x0a\x10\x0a\x04nail\x12\x01\x02\x1a\x05\x0a\x01A\x10\x01\x0a\x00\x12\x06\x0a\x01B\x10\xac\x02\x1a\x02\x01\x00\x32\x00\x32\x01x\x40\x07"))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, err := s.ArgsJSON("place", b)
		if err != nil {
			return
		}
		back, err := s.ArgsFromJSON("place", text)
		if err == nil && string(back) != string(b) { // an absent object shows as null, which no object is
			t.Fatalf("%x became %s became %x", b, text, back)
		}
	})
}
