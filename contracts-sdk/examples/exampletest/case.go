package exampletest

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
)

// oneCase is a case of vectors.txt: calls on an empty ledger, and the state they leave.
type oneCase struct {
	title string
	steps []step
	state []record
}

// step is one call and what comes of it.
type step struct {
	time     ledger.Time // of the block; zero: as before
	contract string      // empty: the one under test
	query    bool
	who      string // as it is written
	method   string
	args     []byte
	want     result
	crypto   []string // answers that a test kit may not compute: operation, input, answer
	asks     []ask
	events   []event
}

// result is how a call ends.
type result struct {
	status  wasm.Status
	output  []byte
	code    uint32
	message string
}

// ask is a call of another contract that the one under test makes.
type ask struct {
	contract, method string
	args             []byte
	result           result
}

type event struct {
	topic    string
	data     []byte
	audience ledger.Audience
}

type record struct {
	key, value []byte
	audience   ledger.Audience
}

// hexOf is the hexadecimal form, with a dash for nothing.
func hexOf(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	return hex.EncodeToString(b)
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(strings.TrimPrefix(s, "-"))
	worked(t, err)
	return b
}

func forWhom(a ledger.Audience) string {
	if len(a) == 0 {
		return ""
	}
	var entries []string
	for _, p := range a {
		entries = append(entries, string(p))
	}
	return " for=" + strings.Join(entries, ",")
}

// String is the result's line.
func (r result) String() string {
	switch r.status {
	case wasm.OK:
		return "ok " + hexOf(r.output)
	case wasm.Failed:
		return fmt.Sprintf("fail %d %s", r.code, r.message)
	default:
		return "trap"
	}
}

// vectors is the text of cases.
func vectors(cases []oneCase) string {
	var b strings.Builder
	for _, c := range cases {
		fmt.Fprintln(&b, "case "+c.title)
		for _, s := range c.steps {
			s.write(&b)
		}
		for _, r := range c.state {
			fmt.Fprintf(&b, "state %s %s%s\n", hexOf(r.key), hexOf(r.value), forWhom(r.audience))
		}
	}
	return b.String()
}

func (s *step) write(b *strings.Builder) {
	if s.time != 0 {
		fmt.Fprintln(b, "time", int64(s.time))
	}
	word := "call"
	if s.query {
		word = "query"
	}
	if s.contract != "" {
		fmt.Fprintln(b, "setup", s.contract, s.who, s.method, hexOf(s.args), hexOf(s.want.output))
		return
	}
	for _, line := range s.crypto {
		fmt.Fprintln(b, "crypto", line)
	}
	fmt.Fprintln(b, word, s.who, s.method, hexOf(s.args))
	for _, a := range s.asks {
		fmt.Fprintln(b, "asks", a.contract, a.method, hexOf(a.args), a.result)
	}
	fmt.Fprintln(b, s.want)
	for _, e := range s.events {
		fmt.Fprintf(b, "event %s %s%s\n", e.topic, hexOf(e.data), forWhom(e.audience))
	}
}

// parseVectors reads what vectors wrote.
func parseVectors(t testing.TB, text string) []oneCase {
	var cases []oneCase
	var at ledger.Time
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		if word == "case" {
			cases = append(cases, oneCase{title: rest})
			continue
		}
		c := &cases[len(cases)-1]
		f := strings.Fields(rest)
		switch word {
		case "time":
			n, err := strconv.ParseInt(rest, 10, 64)
			worked(t, err)
			at = ledger.Time(n)
			continue
		case "crypto":
			continue // the modules ask the engine
		case "setup":
			c.steps = append(c.steps, step{time: at, contract: f[0], who: f[1], method: f[2], args: unhex(t, f[3]),
				want: result{output: unhex(t, f[4])}})
		case "call", "query":
			c.steps = append(c.steps, step{time: at, query: word == "query", who: f[0], method: f[1], args: unhex(t, f[2])})
		case "state":
			c.state = append(c.state, record{unhex(t, f[0]), unhex(t, f[1]), audienceOf(f[2:])})
		default:
			c.steps[len(c.steps)-1].read(t, word, rest)
		}
		at = 0
	}
	return cases
}

// read takes up a line about what came of a call.
func (s *step) read(t testing.TB, word, rest string) {
	switch word {
	case "asks":
		f := strings.SplitN(rest, " ", 5)
		a := ask{contract: f[0], method: f[1], args: unhex(t, f[2])}
		a.result = parseResult(t, f[3], strings.Join(f[4:], ""))
		s.asks = append(s.asks, a)
	case "event":
		f := strings.Fields(rest)
		s.events = append(s.events, event{f[0], unhex(t, f[1]), audienceOf(f[2:])})
	default:
		s.want = parseResult(t, word, rest)
	}
}

func parseResult(t testing.TB, word, rest string) result {
	switch word {
	case "ok":
		return result{status: wasm.OK, output: unhex(t, rest)}
	case "fail":
		number, message, _ := strings.Cut(rest, " ")
		code, err := strconv.ParseUint(number, 10, 32)
		worked(t, err, rest)
		return result{status: wasm.Failed, code: uint32(code), message: message}
	}
	must(t, word == "trap", "%s %s", word, rest)
	return result{status: wasm.Trapped}
}

// audienceOf reads the last word of a line, if it names an audience.
func audienceOf(words []string) ledger.Audience {
	if len(words) == 0 || !strings.HasPrefix(words[len(words)-1], "for=") {
		return nil
	}
	var a ledger.Audience
	for _, entry := range strings.Split(strings.TrimPrefix(words[len(words)-1], "for="), ",") {
		a = append(a, ledger.Party(entry))
	}
	return a
}
