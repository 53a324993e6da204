package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	concordat "github.com/concordat-ledger/concordat/contracts-sdk/go"
	"github.com/concordat-ledger/concordat/contracts-sdk/go/ledgertest"
)

func names(a concordat.Audience) string {
	if len(a) == 0 {
		return "all"
	}
	var list []string
	for _, p := range a {
		list = append(list, string(p))
	}
	return strings.Join(list, ",")
}

func TestScriptsNatively(t *testing.T) {
	text, err := os.ReadFile("../parity.txt")
	if err != nil {
		t.Fatal(err)
	}
	var l *ledgertest.Ledger
	ended, title, checked := "", "", 0
	for _, line := range strings.Split(string(text), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		have := ended
		switch word {
		case "", "#":
			continue
		case "case":
			l, title = ledgertest.New("parity"), rest
			l.Reentrant = true
			continue
		case "do":
			ended = run(l, rest)
			continue
		case "records":
			var list []string
			for _, k := range slices.Sorted(maps.Keys(l.State)) {
				list = append(list, k+"="+names(l.AudienceOf([]byte(k))))
			}
			have = strings.TrimSpace("records " + strings.Join(list, " "))
		case "events":
			have = "events"
			for _, e := range l.Events {
				have += " " + names(e.For())
			}
		}
		checked++
		if have != line {
			t.Errorf("%s: %q, not %q", title, have, line)
		}
	}
	if checked < 40 {
		t.Errorf("only %d lines were compared", checked)
	}
}

func run(l *ledgertest.Ledger, text string) string {
	var out script
	err := l.As("alice@a").Read("do", &script{text}, &out)
	var e *concordat.Error
	switch {
	case err == nil:
		return strings.TrimSpace("ok " + out.Text)
	case errors.As(err, &e):
		return fmt.Sprintf("fail %d %s", e.Code, e.Message)
	}
	return "trap"
}
