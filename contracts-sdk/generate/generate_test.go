package generate_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/contracts-sdk/generate"
)

const head = "// Package main is an order book.\n//\n//concordat:contract orders\npackage main\n\nimport concordat \"" + generate.SDK + "\"\n\n"

func read(t *testing.T, text string) (*generate.Package, string, error) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o600))
	p, err := generate.Read(dir)
	return p, dir, err
}

const orders = head + `
//concordat:errors
const (
	_ = 10 * iota
	// errNoStock means that nothing is left.
	errNoStock
	ErrHTTPDown // the other side does not answer
)

type none = concordat.Nothing

// Cents are a hundredth.
type Cents uint64

// Line is one thing of an order.
type Line struct {
	Item  string ` + "`concordat:\"7\"`" + `
	Price Cents  ` + "`concordat:\"2,name=cents\"`" + `
	cache int    ` + "`concordat:\"-\"`" + `
	Parts []part ` + "`concordat:\"8,optional\"`" + `
}

type part struct{ Name string }

type placeIn struct {
	Lines  []Line
	To, By concordat.Party // who pays
	Hash   [32]byte
	Rest   struct0
	Days   []uint32
	Prices []concordat.Amount
	Raw    [][]byte
	Ok     []bool
	Since  []Cents
	Signed int32
}

type struct0 struct{}

type Book struct{}

// Place puts an order
// into the book.
//
//concordat:method
func (Book) Place(c *concordat.Context, in *placeIn) (*none, error) { return nil, nil }

//concordat:query count_all
func (b *Book) Count(c *concordat.Context, _ *concordat.Nothing) (*part, error) { return nil, nil }

// placed: an order stands.
//
//concordat:event
type placed struct{ Lines []Line }

func main() {}
`

func TestDeclarationsGiveSchemaAndCode(t *testing.T) {
	p, dir, err := read(t, orders)
	require.NoError(t, err)
	s, err := p.Contract.Schema()
	require.NoError(t, err)
	text, err := declare.Marshal(s)
	require.NoError(t, err)
	line := `{"name":"cents","tag":2,"type":"uint64"},{"name":"item","tag":7,"type":"string"},{"name":"parts","tag":8,"type":"part","repeated":true,"optional":true}`
	require.JSONEq(t, `{"version":1,"contract":"orders","doc":"An order book.","methods":[
		{"name":"place","doc":"Puts an order into the book.","in":[{"name":"lines","tag":1,"type":"line","repeated":true},
			{"name":"to","tag":2,"type":"party","doc":"Who pays"},{"name":"by","tag":3,"type":"party","doc":"Who pays"},{"name":"hash","tag":4,"type":"hash"},
			{"name":"rest","tag":5,"type":"struct0"},{"name":"days","tag":6,"type":"uint32","repeated":true},{"name":"prices","tag":7,"type":"amount","repeated":true},
			{"name":"raw","tag":8,"type":"bytes","repeated":true},{"name":"ok","tag":9,"type":"bool","repeated":true},
			{"name":"since","tag":10,"type":"uint64","repeated":true},{"name":"signed","tag":11,"type":"int32"}]},
		{"name":"count_all","query":true,"out":[{"name":"name","tag":1,"type":"string"}]}],
		"types":[{"name":"part","fields":[{"name":"name","tag":1,"type":"string"}]},{"name":"line","doc":"One thing of an order.","fields":[`+line+`]},{"name":"struct0"}],
		"events":[{"topic":"placed","doc":"An order stands.","fields":[{"name":"lines","tag":1,"type":"line","repeated":true}]}],
		"errors":[{"code":10,"name":"no_stock","doc":"Means that nothing is left."},{"code":20,"name":"http_down","doc":"The other side does not answer"}]}`, string(text))
	for _, code := range []string{`concordat.Method("place", Book{}.Place)`, `concordat.Query("count_all", (&Book{}).Count)`, "concordat.Messages(f, 1, &m.Lines)",
		"f.Uint64(2, (*uint64)(&m.Price))\n\tf.String(7, &m.Item)\n\tconcordat.Messages(f, 8, &m.Parts)\n}", "f.Hash(4, &m.Hash)", "f.Message(5, &m.Rest)",
		"concordat.Numbers(f, 6, &m.Days)", "f.Amounts(7, &m.Prices)", "f.BytesList(8, &m.Raw)", "f.Bools(9, &m.Ok)", "f.Int32(11, &m.Signed)",
		"Emit(*concordat.Context) {\n\tconcordat.EmitBytes(\"placed\", m.concordatAppend(concordat.Room()))\n}", "func (m *struct0) Fields(_ *concordat.Fields) {\n}"} {
		require.Contains(t, string(p.Text()), code)
	}
	require.False(t, p.Current(dir))
	require.NoError(t, p.Save(dir))
	again, err := generate.Read(dir) // with the file beside the sources
	require.NoError(t, err)
	require.True(t, again.Current(dir))
}

func TestSourcesThatDeclareNothing(t *testing.T) {
	p, _, err := read(t, "package main\n\n// concordat:method is text when a space stands before it.\nfunc main() {}\n")
	require.NoError(t, err)
	require.Nil(t, p)
}

// Each message of an error names file and line, and what to write instead.
func TestErrorsSayWhatToWrite(t *testing.T) {
	method := "//concordat:method\nfunc do(c *concordat.Context, in *doIn) (*concordat.Nothing, error) { return nil, nil }\n"
	field := func(text string) string { return head + method + "type doIn struct {\n\t" + text + "\n}\n" }
	at := strings.Count(head, "\n") + 4
	for text, want := range map[string]string{
		field("A float64"):                        "has the type float64, which has no byte form; write bool, uint64",
		field("A int"):                            "field A has the type int",
		field("A *doIn"):                          "field A has the type *doIn",
		field("A map[string]string"):              "field A has the type map[string]string",
		field("A [16]byte"):                       "field A has the type [16]byte",
		field("A [][]string"):                     "field A has the type [][]string",
		field("A concordat.Context"):              "field A has the type concordat.Context",
		field("concordat.Amount"):                 "is embedded in doIn; give it a name",
		field("A string `concordat:\"x\"`"):       `the tag of A says "x"; write a number from 1 to 1000`,
		field("A, B string `concordat:\"4\"`"):    "has the tag 4, which another has",
		field("A string `concordat:\"1001\"`"):    "write a number from 1 to 1000",
		field("") + "func (*doIn) Fields(int) {}": "has a method Fields of its own; remove it",
		"//concordat:contract Order_Book\npackage main\n\nfunc main() {}\n": "main.go:1: \"Order_Book\" is no name of a contract",
		field("") + "//concordat:metod\nvar x = 1":                          "there is no //concordat:metod; there are //concordat:contract",
		field("") + "//concordat:event x\ntype y int":                       "y is no struct",
		field("") + "//concordat:errors\nvar x = 1":                         "are constants",
		field("") + "//concordat:errors\nconst x = 0":                       "x is no code of an error; write a number from 1",
		field("") + "//concordat:errors\nconst x = y":                       "x is no code of an error",
	} {
		_, _, err := read(t, text)
		var e *generate.Error
		require.ErrorAs(t, err, &e, text)
		require.ErrorContains(t, err, want, text)
		require.Regexp(t, `^main\.go:\d+$`, e.Position)
	}
	_, _, err := read(t, field("A float64"))
	require.ErrorContains(t, err, "main.go:"+string(rune('0'+at/10))+string(rune('0'+at%10))+":")
	for _, form := range []string{"func do() {}", "func do(c *concordat.Context, in doIn) (*doIn, error) { return nil, nil }", "func do(c *concordat.Context, in *doIn) *doIn { return nil }",
		"func do(c concordat.Context, in *doIn) (*doIn, error) { return nil, nil }", "func do(c *concordat.Context, in *string) (*doIn, error) { return nil, nil }"} {
		_, _, err := read(t, head+"type doIn struct{}\n//concordat:query\n"+form)
		require.ErrorContains(t, err, "write func do(c *concordat.Context, in *DoIn) (*DoOut, error)", form)
	}
	_, _, err = read(t, field("A []doIn"))
	require.ErrorContains(t, err, "doIn holds itself")
	_, _, err = read(t, head+"func {")
	require.ErrorContains(t, err, "it is not Go")
}
