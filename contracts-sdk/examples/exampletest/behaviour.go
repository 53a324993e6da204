package exampletest

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm/schema"
)

// timeFirst is the time of a case's first block, as in the test kits.
const timeFirst ledger.Time = 1_700_000_000_000_000_000

// behaviour reads behaviour.txt by the schemas of the contract under test, which is
// called "", and of the others.
func behaviour(t testing.TB, text string, schemas map[string]*schema.Schema) []oneCase {
	var cases []oneCase
	now, moved := timeFirst, ledger.Time(0)
	keys := newSigner()
	for _, line := range strings.Split(text, "\n") {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		if word == "case" {
			cases = append(cases, oneCase{title: rest})
			now = timeFirst
			continue
		}
		if word == "key" || word == "sign" || word == "deny" {
			keys.line(t, word, rest)
			continue
		}
		c := &cases[len(cases)-1]
		rest = keys.fill(t, rest)
		switch f := words(t, rest); word {
		case "time":
			d, err := time.ParseDuration(strings.TrimPrefix(rest, "+"))
			worked(t, err, line)
			now += ledger.Time(d)
			moved = now
		case "call", "query", "raw":
			c.steps = append(c.steps, called(t, schemas, word, f))
			c.steps[len(c.steps)-1].time = moved
			c.steps[len(c.steps)-1].crypto = keys.taken()
			moved = 0
		case "ok":
			s := &c.steps[len(c.steps)-1]
			m, err := schemas[s.contract].Method(s.method)
			worked(t, err, line)
			s.want.output = encode(t, schemas[s.contract], m.Out, handedOn(t, schemas, f))
		case "event":
			s := &c.steps[len(c.steps)-1]
			s.events = append(s.events, told(t, schemas[s.contract], f))
		case "fail", "trap":
			c.steps[len(c.steps)-1].want = parseResult(t, word, rest)
		default:
			must(t, false, "no such word: %s", line)
		}
	}
	return cases
}

func called(t testing.TB, schemas map[string]*schema.Schema, word string, f []string) step {
	s := step{query: word == "query", who: f[0], method: f[1]}
	if contract, method, ok := strings.Cut(f[1], "."); ok {
		s.contract, s.method, s.query = contract, method, false
	}
	if word == "raw" {
		s.args = unhex(t, f[2])
		return s
	}
	must(t, schemas[s.contract] != nil, "no contract %s", s.contract)
	args, err := schemas[s.contract].ArgsFromPairs(s.method, handedOn(t, schemas, f[2:]))
	worked(t, err, strings.Join(f, " "))
	s.args = args
	return s
}

// handedOn replaces values <CONTRACT.METHOD name=value…> by the bytes of these arguments.
func handedOn(t testing.TB, schemas map[string]*schema.Schema, pairs []string) []string {
	pairs = slices.Clone(pairs)
	for i, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(value, "<") {
			continue
		}
		f := words(t, strings.Trim(value, "<>"))
		contract, method, _ := strings.Cut(f[0], ".")
		must(t, schemas[contract] != nil, "no contract %s", contract)
		args, err := schemas[contract].ArgsFromPairs(method, f[1:])
		worked(t, err, pair)
		pairs[i] = name + "=0x" + hex.EncodeToString(args)
	}
	return pairs
}

func told(t testing.TB, s *schema.Schema, f []string) event {
	i := slices.IndexFunc(s.Events, func(e schema.Event) bool { return e.Topic == f[0] })
	must(t, i >= 0, "no event %s", f[0])
	e := event{topic: f[0], audience: audienceOf(f)}
	if e.audience != nil {
		f = f[:len(f)-1]
	}
	e.data = encode(t, s, s.Events[i].Fields, f[1:])
	return e
}

// encode writes name=value pairs by a list of fields, through a schema with one
// method that takes them.
func encode(t testing.TB, of *schema.Schema, fields []schema.Field, pairs []string) []byte {
	fields = slices.Clone(fields)
	for i := range fields {
		fields[i].Optional = true
	}
	s := schema.Schema{Version: 1, Methods: []schema.Method{{Name: "m", In: fields}}}
	for _, one := range of.Types {
		one.Fields = slices.Clone(one.Fields)
		for i := range one.Fields {
			one.Fields[i].Optional = true
		}
		s.Types = append(s.Types, one)
	}
	b, err := s.ArgsFromPairs("m", pairs)
	worked(t, err)
	return b
}

var moment = regexp.MustCompile(`([=:])@([0-9]+[smh])\b`)

// words splits a line at spaces outside of double quotes. A value in quotes loses
// them, one that begins with a bracket is JSON and keeps them. What stands between < and
// > is one value.
func words(t testing.TB, line string) []string {
	var out []string
	var one strings.Builder
	quoted, inside := false, false
	for _, r := range line + " " {
		if r == '"' {
			quoted = !quoted
		}
		if !quoted && (r == '<' || r == '>') {
			inside = r == '<'
		}
		if r != ' ' || quoted || inside {
			one.WriteRune(r)
			continue
		}
		if one.Len() > 0 {
			out = append(out, one.String())
		}
		one.Reset()
	}
	must(t, !quoted, "%s", line)
	for i, w := range out {
		name, value, ok := strings.Cut(w, "=")
		if ok && strings.HasPrefix(value, `"`) {
			plain, err := strconv.Unquote(value)
			worked(t, err, line)
			out[i] = name + "=" + plain
			continue
		}
		out[i] = moment.ReplaceAllStringFunc(w, func(m string) string {
			d, err := time.ParseDuration(m[2:])
			worked(t, err, line)
			return fmt.Sprint(m[:1], int64(timeFirst)+int64(d))
		})
	}
	return out
}
