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
	Name string // under which it is deployed
	Dir  string // its folder; empty: where the test runs
	// Others are contracts that it calls: the folder of each, by the name under which it
	// is deployed.
	Others map[string]string
}

// Check tests all that every example keeps: both languages declare schema.json,
// vectors.txt is what behaviour.txt says, both modules do it, compiled and interpreted,
// for the same gas, and what that costs is written in gas.txt.
func Check(t *testing.T, e Example) {
	e.Dir = filepath.Join(".", e.Dir)
	if *update && checkedIn(t, e.Dir, "go") == "" {
		worked(t, os.RemoveAll(e.path("schema.json"))) // it would be compared with what is built
	}
	codes := map[string][]byte{}
	for _, language := range Languages {
		codes[language] = code(t, e.Dir, language)
	}
	must(t, codes["go"] != nil, "there is no go command")
	schemas := map[string]*schema.Schema{"": e.schema(t, codes)}
	for name, dir := range e.Others {
		s, err := schema.Parse(schemaOf(t, code(t, dir, "go")))
		worked(t, err)
		schemas[name] = s
	}
	text, err := os.ReadFile(e.path("behaviour.txt"))
	worked(t, err)
	cases := behaviour(t, string(text), schemas)
	covers(t, schemas[""], cases)
	gas := map[string]*costs{}
	for _, how := range []string{"compiled", "interpreted"} {
		for _, language := range Languages {
			t.Run(how+" "+language, func(t *testing.T) {
				if codes[language] == nil {
					t.Skip("needs a compiler for", language)
				}
				spent := e.run(t, language, how == "interpreted", cases)
				if gas[language] != nil {
					equal(t, gas[language].each, spent.each, "the interpreter counts other gas")
				}
				gas[language] = spent
			})
		}
	}
	for _, language := range Languages {
		if gas[language] != nil {
			t.Run("gas of "+language, func(t *testing.T) { e.compare(t, language, gas[language]) })
		}
	}
}

func (e Example) path(name string) string { return filepath.Join(e.Dir, name) }

// run replays the vectors on one module. The compiled one in Go says first whether they
// are current.
func (e Example) run(t *testing.T, language string, interpreted bool, cases []oneCase) *costs {
	modules := map[string]*wasm.Module{e.Name: compile(t, e.Dir, language, interpreted)}
	for name, dir := range e.Others {
		modules[name] = other(t, dir, interpreted)
	}
	if language == "go" && !interpreted {
		current(t, e.path("vectors.txt"), recorded(t, e.Name, modules, cases))
	}
	text, err := os.ReadFile(e.path("vectors.txt"))
	worked(t, err)
	return replay(t, e.Name, modules, parseVectors(t, string(text)))
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
	beside, err := os.ReadFile(e.path("schema.json"))
	if *update && err != nil {
		var pretty bytes.Buffer
		worked(t, json.Indent(&pretty, text, "", "  "))
		worked(t, os.WriteFile(e.path("schema.json"), append(pretty.Bytes(), '\n'), 0o600))
		return s
	}
	worked(t, err)
	have, err := schema.Parse(beside)
	worked(t, err)
	must(t, declare.SameMeaning(s, have), "schema.json says otherwise than the sources; write it anew with -update")
	return s
}

// current compares a file that is made with what it should be.
func current(t testing.TB, file, want string) {
	t.Helper()
	if *update {
		worked(t, os.WriteFile(file, []byte(want), 0o600))
	}
	have, err := os.ReadFile(filepath.Clean(file))
	worked(t, err)
	equal(t, want, string(have), "%s is not current; write it anew with go test ./contracts-sdk/examples/... -update", file)
}

// covers requires that each method succeeds once and each error occurs once.
func covers(t testing.TB, s *schema.Schema, cases []oneCase) {
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
