package schema_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/concordat-ledger/concordat/wasm/schema"
)

const sample = `{"version":1,"contract":"token","methods":[
 {"name":"transfer","in":[{"name":"to","tag":1,"type":"party"},{"name":"amount","tag":2,"type":"amount"},{"name":"memo","tag":3,"type":"bytes","optional":true}]},
 {"name":"all","in":[{"name":"s","tag":1,"type":"string"},{"name":"u","tag":2,"type":"uint64"},{"name":"i","tag":3,"type":"int64"},{"name":"b","tag":4,"type":"bool"},{"name":"a","tag":9,"type":"amount"},{"name":"p","tag":10,"type":"party"},{"name":"y","tag":200,"type":"bytes"}],
  "out":[{"name":"n","tag":1,"type":"uint64"}]},
 {"name":"nothing"}],
 "events":[{"topic":"transfer","fields":[{"name":"amount","tag":1,"type":"amount"}]}],
 "errors":[{"code":2,"name":"insufficient_balance"}]}`

func parse(t testing.TB) *schema.Schema {
	s, err := schema.Parse([]byte(sample))
	require.NoError(t, err)
	return s
}

func TestPairsAndJSONGiveTheSameBytes(t *testing.T) {
	s := parse(t)
	a, err := s.ArgsFromPairs("transfer", []string{"to=bob@org1", "amount=1000", "memo=hi"})
	require.NoError(t, err)
	b, err := s.ArgsFromJSON("transfer", []byte(`{"amount":"1000","memo":"aGk=","to":"bob@org1"}`))
	require.NoError(t, err)
	require.Equal(t, a, b)
	require.Equal(t, "\x0a\x08bob@org1\x12\x02\x03\xe8\x1a\x02hi", string(a))
	c, err := s.ArgsFromJSON("transfer", []byte(`{"amount":1000,"memo":"aGk=","to":"bob@org1"}`))
	require.NoError(t, err)
	require.Equal(t, a, c)
	c, err = s.ArgsFromPairs("transfer", []string{"to=bob@org1", "amount=" + strings.Repeat("0", 60) + "1000", "memo=hi"})
	require.NoError(t, err)
	require.Equal(t, a, c)
	text, err := s.ArgsJSON("transfer", a)
	require.NoError(t, err)
	require.JSONEq(t, `{"to":"bob@org1","amount":"1000","memo":"aGk="}`, string(text))
	text, err = s.OutputJSON("all", nil)
	require.NoError(t, err)
	require.JSONEq(t, `{"n":"0"}`, string(text))
	name, _ := s.ErrorName(2)
	require.Equal(t, "insufficient_balance", name)
}

func TestErrorsSayWhatToDo(t *testing.T) {
	s := parse(t)
	for pairs, want := range map[string]string{
		"to=bob@org1":                        "transfer needs amount (a decimal number of up to 128 bits); given were: to",
		"":                                   "transfer needs to",
		"to=Bob amount=1":                    `to is "Bob", which is not a party`,
		"to=bob@org1 amount=-1":              "not a decimal number",
		"to=bob@org1 amount=1.5":             "not a decimal number",
		"to=bob@org1 amount=1e9":             "not a decimal number",
		"to=bob@org1 amount=1 memo=0xzz":     "memo",
		"to=bob@org1 amount=1 colour=red":    `no argument "colour"; transfer takes to (a party`,
		"to=bob@org1 to=bob@org1 amount=1":   "given twice",
		"to=bob@org1 amount=1 memo":          "not name=value",
		"to=bob@org1 amount=" + huge():       "not a decimal number",
		"to=bob@org1 amount=1 memo=a memo=b": "given twice",
	} {
		_, err := s.ArgsFromPairs("transfer", strings.Fields(pairs))
		require.ErrorIs(t, err, schema.ErrArguments, pairs)
		require.Contains(t, err.Error(), want, pairs)
	}
	_, err := s.ArgsFromPairs("mint", nil)
	require.ErrorIs(t, err, schema.ErrUnknownMethod)
	require.Contains(t, err.Error(), "it has transfer, all, nothing")
	for _, text := range []string{"[]", "{", "null", "1", `{"to":"bob@org1","amount":1}}`, `{"to":"bob@org1","amount":1}]`, `{"to":"bob@org1","amount":1} 1`,
		`{"to":"bob@org1","to":"eve@org1","amount":1}`, "{\"to\":\"bob@org1\",\"amount\":1,\"memo\":\"\xff\"}", `{"to":1,"amount":1}`, `{"to":"bob@org1","amount":true}`, `{"to":"bob@org1","amount":null}`, `{"to":"bob@org1","amount":1,"memo":"*"}`} {
		_, err := s.ArgsFromJSON("transfer", []byte(text))
		require.ErrorIs(t, err, schema.ErrArguments, text)
	}
}

// Text is taken as it was meant or not at all.
func TestTextIsNotRepaired(t *testing.T) {
	s, err := schema.Parse([]byte(`{"version":1,"contract":"x","methods":[{"name":"say","in":[{"name":"text","tag":1,"type":"string"}]}]}`))
	require.NoError(t, err)
	for text, want := range map[string]string{
		`plain`: "plain", `\ud83d\ude00`: "😀", `\\ud800`: `\ud800`, `\ufffd`: "\ufffd", "\ufffd": "\ufffd", `a\n\u0041`: "a\nA", `\\\\\u0041`: `\\A`,
	} {
		b, err := s.ArgsFromJSON("say", []byte(`{"text":"`+text+`"}`))
		require.NoError(t, err, text)
		require.Equal(t, want, string(b[2:]), text)
	}
	for _, text := range []string{`\ud800`, `\udc00`, `\ud800\ud800`, `\ud83dx`, `a\uDEAD`, `\ude00\ud83d`, `\\\ud800`, "\xed\xa0\x80"} {
		_, err := s.ArgsFromJSON("say", []byte(`{"text":"`+text+`"}`))
		require.ErrorIs(t, err, schema.ErrArguments, text)
	}
}

func huge() string { return new(big.Int).Lsh(big.NewInt(1), 128).String() }

func TestBytesThatDoNotFit(t *testing.T) {
	s := parse(t)
	for _, b := range []string{"\xff", "\x0a", "\x0a\x05ab", "\x0a\x00", "\x12\x02\x03\xe8\x0a\x01a", "\x12\x02\x00\x01", "\x08\x01", "\x22\x01a", "\x0a\x01A", "\x0a\x81\x00a", "\x12\x11" + strings.Repeat("a", 17)} {
		_, err := s.ArgsJSON("transfer", []byte(b))
		require.ErrorIs(t, err, schema.ErrBytes, "%q", b)
	}
}

func TestSchemasThatAreRefused(t *testing.T) {
	method := func(fields string) string {
		return `{"version":1,"contract":"x","methods":[{"name":"m","in":[` + fields + `]}]}`
	}
	for _, text := range []string{"", "{}", "null", `{"version":2,"contract":"x","methods":[{"name":"m"}]}`, sample + "{}", sample + "}", sample + "]", sample + "x",
		`{"version":1,"contract":"x","methods":[{"name":"M"}]}`, `{"version":1,"contract":"x","methods":[{"name":"m"},{"name":"m"}]}`,
		`{"version":1,"contract":"x","methods":[{"name":"m"}],"errors":[{"code":1,"name":"a b"}]}`, `{"version":1,"contract":"x\\u001b[2J","methods":[{"name":"m"}]}`,
		`{"version":1,"contract":"x","methods":[{"name":"m"}],"errors":[{"code":0,"name":"x"}]}`, `{"unknown":1}`,
		method(`{"name":"a","tag":0,"type":"string"}`), method(`{"name":"a","tag":1,"type":"float"}`),
		method(`{"name":"a","tag":1,"type":"string"},{"name":"a","tag":2,"type":"string"}`),
		method(`{"name":"a","tag":2,"type":"string"},{"name":"b","tag":2,"type":"string"}`)} {
		_, err := schema.Parse([]byte(text))
		require.ErrorIs(t, err, schema.ErrSchema, text)
	}
}

func TestRoundTrip(t *testing.T) {
	s := parse(t)
	rapid.Check(t, func(t *rapid.T) {
		amount := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 16).Draw(t, "amount"))
		object := map[string]any{
			"s": rapid.String().Draw(t, "s"), "u": fmt.Sprint(rapid.Uint64().Draw(t, "u")), "i": fmt.Sprint(rapid.Int64().Draw(t, "i")),
			"b": rapid.Bool().Draw(t, "b"), "a": amount.String(), "p": rapid.StringMatching(`[a-z0-9][a-z0-9._@-]{0,63}`).Draw(t, "p"),
			"y": rapid.SliceOf(rapid.Byte()).Draw(t, "y"),
		}
		text, err := json.Marshal(object)
		require.NoError(t, err)
		b, err := s.ArgsFromJSON("all", text)
		require.NoError(t, err)
		back, err := s.ArgsJSON("all", b)
		require.NoError(t, err)
		if object["y"] == nil || len(object["y"].([]byte)) == 0 {
			object["y"] = []byte{}
			text, _ = json.Marshal(object)
		}
		require.JSONEq(t, string(text), string(back))
	})
}

func FuzzArgsJSON(f *testing.F) {
	s := parse(f)
	f.Add([]byte("\x0a\x08bob@org1\x12\x02\x03\xe8\x1a\x02hi"))
	f.Add([]byte("\x0a\x01a\x10\x05"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, method := range []string{"transfer", "all"} {
			text, err := s.ArgsJSON(method, b)
			if err != nil {
				continue
			}
			back, err := s.ArgsFromJSON(method, text)
			if err == nil && string(back) != string(b) { // an absent party shows as "", which no party is
				t.Fatalf("%x became %s became %x", b, text, back)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := schema.Parse(b); err == nil {
			for _, m := range s.Methods {
				_, _ = s.ArgsFromPairs(m.Name, []string{"a=b"})
			}
		}
	})
}
