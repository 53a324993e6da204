package exampletest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/declare"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

var update = flag.Bool("update", false, "write schema.json, vectors.txt and gas.txt of the examples anew")

// Example is a contract in both languages.
type Example struct {
	Name string // under which it is deployed; its folder is where the test runs
	// Others are contracts that it calls: where each stands, by the name under which it
	// is deployed. Of them the one in Go runs.
	Others map[string]string
}

// Check tests all that every example keeps: both languages declare schema.json,
// vectors.txt is what behaviour.txt says, both modules do it, compiled and interpreted,
// for the same gas, and what that costs is written in gas.txt.
func Check(t *testing.T, e Example) {
	codes := map[string][]byte{}
	if *update && !checkedIn(e.Name, "go") {
		worked(t, os.RemoveAll("schema.json")) // it would be compared with what is built
	}
	for _, language := range Languages {
		codes[language] = code(t, ".", language)
	}
	must(t, codes["go"] != nil, "there is no go command")
	schemas := map[string]*schema.Schema{"": e.schema(t, codes)}
	for name, dir := range e.Others {
		s, err := schema.Parse(schemaOf(t, code(t, dir, "go")))
		worked(t, err)
		schemas[name] = s
	}
	text, err := os.ReadFile("behaviour.txt")
	worked(t, err)
	cases := behaviour(t, string(text), schemas)
	t.Run("every method succeeds and every error occurs", func(t *testing.T) { covers(t, schemas[""], cases) })
	gas := map[string]*costs{}
	for _, how := range []string{"compiled", "interpreted"} {
		engine := engine(t, wasm.Config{Interpreter: how == "interpreted", Verify: true})
		others := map[string]*wasm.Module{}
		for name, dir := range e.Others {
			others[name] = compile(t, engine, code(t, dir, "go"))
		}
		for _, language := range Languages {
			t.Run(how+" "+language, func(t *testing.T) {
				if codes[language] == nil {
					t.Skip("needs a compiler for", language)
				}
				others[e.Name] = compile(t, engine, codes[language])
				if how == "compiled" && language == "go" {
					current(t, "vectors.txt", recorded(t, e.Name, others, cases))
				}
				text, err := os.ReadFile("vectors.txt")
				worked(t, err)
				spent := replay(t, e.Name, others, parseVectors(t, string(text)))
				if gas[language] != nil {
					equal(t, gas[language].each, spent.each, "the interpreter counts other gas")
				}
				gas[language] = spent
			})
		}
	}
	for _, language := range Languages {
		if gas[language] != nil {
			t.Run("gas of "+language, func(t *testing.T) { gas[language].compare(t, e.Name, language) })
		}
	}
}

// schema is what the modules declare, and compares it with schema.json.
func (e Example) schema(t *testing.T, codes map[string][]byte) *schema.Schema {
	text := schemaOf(t, codes["go"])
	s, err := schema.Parse(text)
	worked(t, err)
	if codes["rust"] != nil {
		equal(t, string(text), string(schemaOf(t, codes["rust"])), "the two languages declare different schemas")
	}
	for _, m := range s.Methods {
		must(t, m.Doc != "", m.Name)
	}
	beside, err := os.ReadFile("schema.json")
	if *update && err != nil {
		var pretty bytes.Buffer
		worked(t, json.Indent(&pretty, text, "", "  "))
		worked(t, os.WriteFile("schema.json", append(pretty.Bytes(), '\n'), 0o600))
		return s
	}
	worked(t, err)
	have, err := schema.Parse(beside)
	worked(t, err)
	must(t, declare.SameMeaning(s, have), "schema.json says otherwise than the sources; write it anew with -update")
	return s
}

// checkedIn tells whether an example's module stands beside its sources.
func checkedIn(name, language string) bool {
	_, err := os.Stat(name + "-" + language + ".wasm")
	return err == nil
}

// current compares a file that is made with what it should be.
func current(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		worked(t, os.WriteFile(file, []byte(want), 0o600))
	}
	have, err := os.ReadFile(filepath.Clean(file))
	worked(t, err)
	equal(t, want, string(have), "%s is not current; write it anew with go test ./contracts-sdk/examples/... -update", file)
}

// covers requires that each method succeeds once and each error occurs once.
func covers(t *testing.T, s *schema.Schema, cases []oneCase) {
	seen := map[string]bool{}
	for _, c := range cases {
		for _, one := range c.steps {
			switch {
			case one.contract != "":
			case one.want.status == wasm.OK:
				seen[one.method] = true
			case one.want.status == wasm.Failed:
				seen[strconv.FormatUint(uint64(one.want.code), 10)] = true
			}
		}
	}
	for _, m := range s.Methods {
		must(t, seen[m.Name], "no case shows that %s succeeds", m.Name)
	}
	for _, e := range s.Errors {
		must(t, seen[strconv.FormatUint(uint64(e.Code), 10)], "no case shows the error %s", e.Name)
	}
}
