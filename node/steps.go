package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/concordat-ledger/concordat/ledger/ledgerpb"
)

// stepView is one access of a contract to the ledger.
type stepView struct {
	Depth    uint32   `json:"depth"`
	Contract string   `json:"contract"`
	What     string   `json:"what"`
	Key      string   `json:"key,omitempty"`
	Value    string   `json:"value,omitempty"`
	Found    bool     `json:"found"`
	Hidden   bool     `json:"hidden,omitempty"`
	Audience []string `json:"audience,omitempty"`
	Other    string   `json:"other,omitempty"`
	Gas      uint64   `json:"gas,omitempty"`
}

// viewSteps shows the steps of a trial. What Go's runtime says about a panic comes in some
// two hundred pieces; they are one step again. So are steps next to each other that log what
// is not shown.
func viewSteps(steps []*ledgerpb.TraceStep) []stepView {
	var out []stepView
	dying := false // the runtime of the contract of the last step speaks
	for _, s := range steps {
		var before *stepView
		if len(out) > 0 {
			before = &out[len(out)-1]
		}
		goesOn := before != nil && s.GetWhat() == "log" && before.What == "log" && before.Contract == s.GetContract() && before.Depth == s.GetDepth() && before.Hidden == s.GetHidden()
		switch {
		case goesOn && s.GetHidden():
			continue
		case goesOn && dying:
			before.Value += logText(s.GetValue())
			continue
		}
		dying = s.GetWhat() == "log" && lastWords(string(s.GetValue()))
		v := stepView{Depth: s.GetDepth(), Contract: s.GetContract(), What: s.GetWhat(), Key: shownKey(s.GetKey()), Value: shownText(s.GetValue()),
			Found: s.GetFound(), Hidden: s.GetHidden(), Audience: s.GetAudience(), Other: s.GetOther(), Gas: s.GetGas()}
		switch v.What {
		case "log":
			v.Value = logText(s.GetValue())
		case "scan": // to where
			v.Value = shownKey(s.GetValue())
		}
		out = append(out, v)
	}
	return out
}

// lastWords tells whether a text is the first piece of what Go's runtime says at the end.
func lastWords(text string) bool {
	for _, first := range []string{"panic: ", "fatal error: ", "runtime: "} {
		if strings.HasPrefix(text, first) {
			return true
		}
	}
	return false
}

// logText is what a contract logged; text keeps its lines.
func logText(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return shownText(b)
}

func shortText(s string) string {
	if len(s) > 160 {
		return strings.ToValidUTF8(s[:160], "") + "…"
	}
	return s
}

// lines are a step as people read it. The first is indented by the depth of the call, what
// follows in a log further.
func (s *stepView) lines() string {
	var out strings.Builder
	indent := strings.Repeat("  ", int(s.Depth))
	for i, line := range strings.Split(strings.TrimRight(s.words(), "\n"), "\n") {
		if i > 0 {
			out.WriteString("    ")
		}
		out.WriteString(indent + printable(strings.ReplaceAll(line, "\t", "    ")) + "\n")
	}
	return out.String()
}

func (s *stepView) words() string {
	key, value := s.Key, shortText(s.Value)
	if s.Hidden {
		key, value = "(not shown to you)", "(not shown to you)"
	}
	text := s.Contract + " " + s.What + " " + key
	switch s.What {
	case "get":
		text += map[bool]string{true: " → " + value, false: " → none"}[s.Found]
	case "put":
		text += " = " + value
	case "entry":
		text += " → " + value
	case "emit":
		text += " " + value
	case "scan":
		text = s.Contract + " scan from " + orStart(key) + " to " + orEnd(value)
	case "log":
		return s.Contract + " log " + map[bool]string{true: value, false: s.Value}[s.Hidden]
	case "invoke":
		return fmt.Sprintf("%s calls %s.%s with %d gas", s.Contract, s.Other, key, s.Gas)
	case "return":
		text = fmt.Sprintf("%s gets %s, %d gas: %s", s.Contract, s.Other, s.Gas, value)
	}
	if len(s.Audience) > 0 {
		text += " for " + strings.Join(s.Audience, ", ")
	}
	return text
}

func orStart(s string) string {
	if s == "" {
		return "the start"
	}
	return s
}

func orEnd(s string) string {
	if s == "" {
		return "the end"
	}
	return s
}
