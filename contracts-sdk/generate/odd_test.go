package generate_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/contracts-sdk/generate"
)

const aMethod = "//concordat:method\nfunc do(c *concordat.Context, in *doIn) (*concordat.Nothing, error) { return nil, nil }\n"

func manyFields(n int) (text string) {
	for i := range n {
		text += "\tF" + strconv.Itoa(i) + " bool\n"
	}
	return text
}

// Sources that are legal Go, and would give another schema than their author meant or a
// file that does not compile, are refused with the line of what is wrong.
func TestOddSourcesAreRefusedWithTheirLine(t *testing.T) {
	with := func(text string) string { return head + aMethod + text }
	plain := "type doIn struct{}\n"
	for text, want := range map[string]string{
		// names of the schema
		with("type doIn struct { Größe uint64 }"):                                                   `main.go:10: field of doIn größe cannot have that name; a name has a-z, 0-9 and _`,
		with("type doIn struct {\nUserID uint64\nUserId string\n}"):                                 "main.go:12: field of doIn user_id is there already, from line 11 of main.go; say another with `concordat:\"name=…\"`",
		with("type doIn struct { A party }\ntype party struct{}"):                                   "main.go:11: party would be the type party in the schema, which is another",
		with("type doIn struct { A Hash }\ntype Hash struct{ X string }"):                           "Hash would be the type hash in the schema",
		with("type doIn struct { A Line; B line }\ntype Line struct{}\ntype line struct{ X bool }"): "main.go:12: type line is there already, from line 11 of main.go; give the struct another name",
		with(plain + strings.Replace(aMethod, "do(", "Do(", 1)):                                     "main.go:12: method do is there already, from line 9 of main.go; write //concordat:method NAME",
		with(plain + "//concordat:event Sold\ntype sold struct{}"):                                  "main.go:12: event Sold cannot have that name",
		with(plain + "//concordat:event x\ntype a struct{}\n//concordat:event x\ntype b struct{}"):  "main.go:14: event x is there already, from line 12 of main.go",
		with(plain + "//concordat:errors\nconst (\n\terrA = 1\n\tErrA = 2\n)"):                      "main.go:14: error a is there already, from line 13 of main.go",
		with(plain + "//concordat:errors\nconst (\n\terrA = 1\n\terrB = 1\n)"):                      "main.go:14: errB has the code 1, which stands in line 13 of main.go too",
		with("type doIn struct { A []inner }\ntype inner struct { B doIn }"):                        "main.go:11: doIn holds itself",
		// names in Go
		with("type doIn struct { Fields uint64 }"):                                                                             "main.go:10: field Fields of doIn has the name of a method that concordat_gen.go writes",
		with(plain + "//concordat:event\ntype sold struct { Emit bool }"):                                                      "main.go:12: field Emit of sold has the name of a method",
		with(plain + "func (doIn) concordatRead() {}"):                                                                         "main.go:10: doIn has a method concordatRead of its own",
		strings.Replace(with(plain), "import concordat", "import sdk", 1):                                                      "has another form; write func do(c *concordat.Context",
		strings.Replace(with(plain), "import concordat", "import .", 1):                                                        "main.go:6: the SDK is imported with a dot; write import concordat \"" + generate.SDK + "\"",
		strings.NewReplacer("import concordat", "import sdk", "concordat.", "sdk.").Replace(with(plain)) + "var concordat = 1": "main.go:11: concordat is the SDK in concordat_gen.go; give this another name",
		strings.Replace(with(plain), "package main", "package orders", 1):                                                      "main.go:4: the package is orders; a contract is package main",
		with(plain + "func len() {}"):                                                                                          "main.go:11: len is a word of the language in concordat_gen.go; give this another name",
		// types
		with("type doIn = struct{ A string }"):         "main.go:10: doIn is an alias, which cannot have methods",
		with("type other struct{}\ntype doIn = other"): "main.go:9: method do uses doIn, which is no struct of this package; write type doIn struct { … }, not a name for another type",
		with(""):                                "main.go:9: method do uses doIn, which is no struct of this package",
		with("type doIn[T any] struct { A T }"): "main.go:10: doIn has type parameters",
		head + "type book[T any] struct{}\n//concordat:method\nfunc (book[T]) Do(c *concordat.Context, in *concordat.Nothing) (*concordat.Nothing, error) { return nil, nil }": "main.go:10: method Do is on book[T]; write a plain function",
		head + "type book int\n//concordat:method\nfunc (book) Do(c *concordat.Context, in *concordat.Nothing) (*concordat.Nothing, error) { return nil, nil }":                "main.go:10: method Do is on book;",
		with("type doIn struct { A string `concordat:3` }"):                "main.go:10: the tag of A cannot be read",
		with("type doIn struct { A string `json:\"a\",concordat:\"3\"` }"): "main.go:10: the tag of A cannot be read",
		with("type doIn struct {\n" + manyFields(65) + "}"):                "main.go:75: doIn has more than 64 fields",
		// comments that mean nothing
		with(plain + "//concordat:method\n\nfunc late() {}"): "main.go:11: //concordat:method stands above nothing that it can be of, or above another of them; write it directly above a function",
		with(plain + "//concordat:method\nvar x = 1"):        "main.go:11: //concordat:method stands above nothing",
		with(plain + "//concordat:query\n//concordat:method\nfunc two(c *concordat.Context, in *doIn) (*doIn, error) { return in, nil }"): "main.go:12: //concordat:method stands above nothing",
		with(plain + "func f() {\n\t//concordat:record\n\ttype r struct{}\n}"):                                                            "main.go:12: //concordat:record stands above nothing",
		with(plain + "//concordat:event sold out\ntype sold struct{}"):                                                                    "main.go:11: //concordat:event sold out says more than a name",
		with(plain + "//concordat:record r\ntype r struct{}"):                                                                             "main.go:11: //concordat:record r says more than a name",
		head + "type x struct{}": "main.go:4: the contract has no method; write //concordat:method above a function",
	} {
		_, _, err := read(t, text)
		require.ErrorContains(t, err, want, text)
	}
}

// What is odd and has a meaning is read.
func TestOddSourcesThatAreRead(t *testing.T) {
	for name, text := range map[string]string{
		"another name of the SDK":   strings.NewReplacer("import concordat", "import sdk", "concordat.", "sdk.").Replace(head + aMethod + "type doIn struct{ A sdk.Amount }"),
		"ends of lines of Windows":  strings.ReplaceAll(head+aMethod+"type doIn struct{ A string }", "\n", "\r\n"),
		"words of Go and others":    head + aMethod + "type doIn struct { Type, Func, Select, Class, Await, Constructor string; Range uint64 `concordat:\"name=if\"` }",
		"a group of types":          head + aMethod + "type (\n\tdoIn struct{ A inner }\n\tinner struct{ B id }\n\tid string\n)",
		"a tag of another package":  head + aMethod + "type doIn struct { A string `json:\"concordat_a\"` }",
		"nothing but comments else": head + aMethod + "type doIn struct {\n\t_ bool // kept free\n\tA string\n}",
	} {
		p, dir, err := read(t, text)
		require.NoError(t, err, name)
		require.NoError(t, p.Save(dir), name)
		// As a checkout on Windows leaves it.
		require.NoError(t, os.WriteFile(filepath.Join(dir, generate.FileName), []byte(strings.ReplaceAll(string(p.Text()), "\n", "\r\n")), 0o600))
		require.True(t, p.Current(dir), name)
	}
}

// What the written file names for itself is none of the package.
func TestWrittenNamesHideNoneOfThePackage(t *testing.T) {
	p, _, err := read(t, head+"type in0 struct{}\n\nvar err1 = 0\n"+strings.NewReplacer("do(", "c2(", "*doIn", "*in0").Replace(aMethod))
	require.NoError(t, err)
	require.Contains(t, string(p.Text()), "var in3 in0\n")
	require.Contains(t, string(p.Text()), "_, err3 := c2(c3, &in3)\n")
}

func TestOneFileSpeaksForTheContract(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.go":      head + aMethod + "type doIn struct{}",
		"b.go":      "//concordat:contract other\npackage main\n",
		"c_test.go": "package main\n\n//concordat:metod\n",
		"d.go":      "//go:build ignore\n\npackage other\n\n//concordat:metod\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	_, err := generate.Read(dir)
	require.ErrorContains(t, err, "b.go:1: another file has //concordat:contract already")
	require.NoError(t, os.Remove(filepath.Join(dir, "b.go")))
	_, err = generate.Read(dir)
	require.NoError(t, err)
	for name, text := range map[string]string{"e_wasip1.go": "package main\n\n", "f.go": "//go:build wasip1 || tinygo\n\npackage main\n"} {
		text += "//concordat:record\ntype r" + name[:1] + " struct{}\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		_, err = generate.Read(dir)
		require.ErrorContains(t, err, name+":"+strconv.Itoa(strings.Count(text, "\n")-1)+": this file is built for the ledger alone, and concordat_gen.go for tests too")
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
	}
}
