package declare_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

func TestNamesAndSentences(t *testing.T) {
	for from, want := range map[string]string{"transferFrom": "transfer_from", "TransferFrom": "transfer_from", "TRANSFER_FROM": "transfer_from",
		"PartyID": "party_id", "HTTPServer": "http_server", "A": "a", "x2y": "x2y"} {
		require.Equal(t, want, declare.Snake(from))
	}
	require.Equal(t, "Moves units.", declare.Sentence("transfer moves\n units.\n", "transfer"))
	require.Equal(t, "A record.", declare.Sentence("Token is a record.", "Token"))
	require.Equal(t, "Transfers move.", declare.Sentence("transfers move.", "transfer"))
	require.Equal(t, "", declare.Sentence("", "transfer"))
}

func record(parts ...string) string {
	out := parts[0]
	for _, p := range parts[1:] {
		out += "\x1f" + p
	}
	return out + "\x1e"
}

func TestWhatACrateDeclares(t *testing.T) {
	text := record("message", "PayIn", "") + record("field", "1", "to", "string", "", "Party", "", " Who gets it.\n") +
		record("field", "2", "r#type", "string", "1", "Vec<String>", "1", "") + record("field", "3", "lines", "Line", "1", "Vec<Line>", "", "") +
		record("message", "Line", " One thing.\n") + record("field", "1", "item", "string", "", "String", "", "") +
		record("event", "paid", "PayIn", "") + record("error", "2", "NO_MONEY", " It is gone.\n") +
		record("method", "pay", "", "PayIn", "Nothing", " Pays.\n") + record("method", "look", "query", "Nothing", "Line", "")
	c, err := declare.FromRust([]byte(text), "till")
	require.NoError(t, err)
	s, err := c.Schema()
	require.NoError(t, err)
	have, err := declare.Marshal(s)
	require.NoError(t, err)
	fields := `[{"name":"to","tag":1,"type":"party","doc":"Who gets it."},{"name":"type","tag":2,"type":"string","repeated":true,"optional":true},{"name":"lines","tag":3,"type":"line","repeated":true}]`
	require.JSONEq(t, `{"version":1,"contract":"till","methods":[{"name":"pay","doc":"Pays.","in":`+fields+`},{"name":"look","query":true,"out":[{"name":"item","tag":1,"type":"string"}]}],
		"types":[{"name":"line","doc":"One thing.","fields":[{"name":"item","tag":1,"type":"string"}]}],
		"events":[{"topic":"paid","fields":`+fields+`}],"errors":[{"code":2,"name":"no_money","doc":"It is gone."}]}`, string(have))
}

func TestWhatACrateCannotDeclare(t *testing.T) {
	for text, want := range map[string]string{
		record("thing", "x"):                                                                 "use the SDK that came with it",
		record("method", "pay", "quary", "A", "B", ""):                                       "write query, or nothing",
		record("method", "pay", "", "", "B", ""):                                             "that message! does not declare",
		record("field", "1", "a", "string", "", "S", "", ""):                                 "before any message",
		record("error", "0x1", "A", ""):                                                      "write a decimal number",
		record("error", "4294967295", "A", ""):                                               "kept for the ledger; write a number from 1",
		record("message", "M", "") + record("field", "1u32", "a", "string", "", "S", "", ""): "write a decimal number",
		record("message", "M", "") + record("field", "1", "a", "", "", "S", "", ""):          "that message! does not declare",
	} {
		_, err := declare.FromRust([]byte(text), "x")
		require.ErrorContains(t, err, want, text)
	}
	field := func(kind string) string { return record("field", "1", "a", kind, "", kind, "", "") }
	method := record("method", "m", "", "M", "Nothing", "")
	for text, want := range map[string]string{
		record("message", "M", "") + field("Hash") + record("message", "Hash", ""):                                                                                     "Hash would be the type hash in the schema, which is another",
		record("message", "M", "") + field("Line") + record("field", "2", "b", "LINE", "", "", "", "") + record("message", "Line", "") + record("message", "LINE", ""): "Line and LINE would both be the type line in the schema",
	} {
		c, err := declare.FromRust([]byte(text+method), "x")
		require.NoError(t, err)
		_, err = c.Schema()
		require.ErrorContains(t, err, want)
	}
	_, err := declare.FromRust([]byte(record("message", "M", "")+field("string")+record("message", "M", "")), "x")
	require.ErrorContains(t, err, "two messages are named M, in different modules; give one another name")
	c := &declare.Contract{Name: "x", Methods: []declare.Method{{Name: "m", In: "A", Out: "Nothing"}}}
	_, err = c.Schema()
	require.ErrorContains(t, err, "A is used, and not declared")
}

func TestTheSameMeaning(t *testing.T) {
	parse := func(text string) *schema.Schema {
		s, err := schema.Parse([]byte(text))
		require.NoError(t, err)
		return s
	}
	a := parse(`{"version":1,"contract":"x","doc":"X.","methods":[{"name":"a","doc":"A.","in":[{"name":"f","tag":1,"type":"string","doc":"F."}]},{"name":"b"}]}`)
	require.True(t, declare.SameMeaning(a, parse(`{"version":1,"contract":"x","methods":[{"name":"b"},{"name":"a","in":[{"name":"f","tag":1,"type":"string"}]}]}`)))
	require.False(t, declare.SameMeaning(a, parse(`{"version":1,"contract":"x","methods":[{"name":"b"},{"name":"a","in":[{"name":"f","tag":2,"type":"string"}]}]}`)))
	require.Equal(t, "F.", a.Methods[0].In[0].Doc)
}
