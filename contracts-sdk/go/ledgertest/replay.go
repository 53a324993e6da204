package ledgertest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
)

// Replay makes the calls of a file of vectors, as the examples have them, on the
// contract that is deployed under a name, and says where it does otherwise. Other
// contracts answer what the vectors say, and must be asked the same.
//
//	case TITLE                         an empty ledger
//	time NANOSECONDS                   of the next calls' blocks
//	crypto OPERATION INPUT ANSWER      of the ledger's cryptography, for test kits without it
//	setup CONTRACT …                   a call of another contract, which is not here
//	call|query WHO METHOD ARGS         WHO is PARTY{name=value,…}|CONTRACT
//	asks CONTRACT METHOD ARGS RESULT   what the call asks, in order
//	ok OUTPUT | fail CODE MESSAGE | trap
//	event TOPIC DATA for=ENTRY,…       what it told, in order
//	state KEY VALUE for=ENTRY,…        each record that is left
//
// Bytes are hexadecimal, a dash is none.
func Replay(name, text string) error {
	p := &player{name: name}
	for n, line := range strings.Split(strings.TrimSpace(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		if err := p.line(word, rest); err != nil {
			return fmt.Errorf("line %d, %s: %w", n+1, line, err)
		}
	}
	return p.settled()
}

// player is a replay at one line.
type player struct {
	name   string
	ledger *Ledger
	query  bool
	call   []string // who, method, arguments
	asks   []string // CONTRACT METHOD ARGS RESULT
	asked  int
	told   int // events that were named
	left   int // records that were named
	past   int // events of earlier calls
	broken error
}

func (p *player) line(word, rest string) error {
	switch word {
	case "case":
		err := p.settled()
		*p = player{name: p.name, ledger: New(p.name)}
		p.ledger.Others = p.answer
		return err
	case "time":
		n, err := strconv.ParseInt(rest, 10, 64)
		p.ledger.Time = n
		return err
	case "crypto":
		return p.computes(rest)
	case "setup":
		p.ledger.Height++
	case "call", "query":
		if p.told != len(p.ledger.Events) {
			return fmt.Errorf("the call before told %d events, not %d", len(p.ledger.Events)-p.past, p.told-p.past)
		}
		p.query, p.call, p.asks, p.asked, p.past = word == "query", strings.SplitN(rest, " ", 3), nil, 0, p.told
	case "asks":
		p.asks = append(p.asks, rest)
	case "ok", "fail", "trap":
		return p.result(word, rest)
	case "event":
		if p.told >= len(p.ledger.Events) {
			return errors.New("no such event was told")
		}
		e := p.ledger.Events[p.told]
		p.told++
		return same(e.Topic+" "+hexOf(e.Data)+forWhom(e.For()), rest)
	case "state":
		p.left++
		f := strings.SplitN(rest, " ", 2)
		key, err := unhex(f[0])
		if err != nil {
			return err
		}
		value, ok := p.ledger.State[string(key)]
		if !ok {
			return errors.New("there is no such record")
		}
		return same(hexOf(value)+forWhom(p.ledger.AudienceOf(key)), f[1])
	default:
		return errors.New("no such word")
	}
	return nil
}

// computes compares an answer of the vectors with the one of this test kit.
func (p *player) computes(rest string) error {
	f := strings.SplitN(rest, " ", 3)
	op, err := strconv.ParseUint(f[0], 10, 32)
	if err != nil {
		return err
	}
	in, err := unhex(f[1])
	if err != nil {
		return err
	}
	return same(hexOf(p.ledger.Crypto(uint32(op), in)), f[2])
}

// settled says what a case left that the vectors do not name.
func (p *player) settled() error {
	if p.ledger == nil || p.told == len(p.ledger.Events) && p.left == len(p.ledger.State) {
		return nil
	}
	return fmt.Errorf("the case before told %d events and left %d records, not %d and %d",
		len(p.ledger.Events), len(p.ledger.State), p.told, p.left)
}

// answer stands for the other contracts.
func (p *player) answer(contract, method string, args []byte) ([]byte, error) {
	if p.asked >= len(p.asks) {
		p.broken = fmt.Errorf("it asks %s.%s, too", contract, method)
		return nil, p.broken
	}
	f := strings.SplitN(p.asks[p.asked], " ", 5)
	p.asked++
	if have := []string{contract, method, hexOf(args)}; !slices.Equal(have, f[:3]) {
		p.broken = fmt.Errorf("it asks %s, not %s", strings.Join(have, " "), strings.Join(f[:3], " "))
		return nil, p.broken
	}
	switch rest := strings.Join(f[4:], ""); f[3] {
	case "ok":
		return unhex(rest)
	case "fail":
		number, message, _ := strings.Cut(rest, " ")
		code, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, err
		}
		return nil, concordat.Fail(uint32(code), message)
	}
	return nil, concordat.Fail(concordat.CodeTrapped, "the called contract trapped")
}

// result makes the call and compares what comes of it.
func (p *player) result(word, rest string) error {
	args, err := unhex(p.call[2])
	if err != nil {
		return err
	}
	c := p.caller(p.call[0])
	var out []byte
	if p.query {
		out, err = c.run(p.call[1], args, usage{readOnly: true, public: true})
	} else {
		out, err = c.CallRaw(p.call[1], args)
	}
	if p.broken == nil && p.asked < len(p.asks) {
		p.broken = fmt.Errorf("it does not ask %s", p.asks[p.asked])
	}
	if p.broken != nil {
		return p.broken
	}
	have := "ok " + hexOf(out)
	var failed *concordat.Error
	switch {
	case errors.As(err, &failed):
		have = fmt.Sprintf("fail %d %s", failed.Code, failed.Message)
	case err != nil && word == "trap":
		return nil
	case err != nil:
		return err
	}
	return same(have, word+" "+rest)
}

// caller reads PARTY{name=value,…}|CONTRACT.
func (p *player) caller(who string) Caller {
	who, via, _ := strings.Cut(who, "|")
	party, attributes, some := strings.Cut(who, "{")
	c := p.ledger.As(concordat.Party(party))
	if some {
		for _, pair := range strings.Split(strings.TrimSuffix(attributes, "}"), ",") {
			name, value, _ := strings.Cut(pair, "=")
			c = c.With(name, value)
		}
	}
	if via != "" {
		return c.Through(via)
	}
	return c
}

func same(have, want string) error {
	if have == want {
		return nil
	}
	return fmt.Errorf("it is %s", have)
}

func forWhom(a concordat.Audience) string {
	var b bytes.Buffer
	for i, p := range a {
		if i == 0 {
			b.WriteString(" for=")
		} else {
			b.WriteString(",")
		}
		b.WriteString(string(p))
	}
	return b.String()
}

func hexOf(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	return hex.EncodeToString(b)
}

func unhex(s string) ([]byte, error) { return hex.DecodeString(strings.TrimPrefix(s, "-")) }
