package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable shows what others wrote (schemas, memos, messages) without letting it
// steer the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// printableLines is printable for what has lines of its own: those behind the first are
// indented, so that a contract's words are never taken for a line of this program.
func printableLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = printable(strings.ReplaceAll(lines[i], "\t", "    "))
	}
	return strings.Join(lines, "\n  ")
}

// escapedJSON escapes what steers terminals and what turns the direction of text around:
// JSON itself asks that of the first 32 characters only. Outside of its strings JSON has
// nothing of the kind but ends of lines. Characters beyond 16 bits are two escapes in
// JSON, and one of another form in YAML, which holds JSON but for that.
func escapedJSON(text []byte, forYAML bool) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == '\n' || unicode.IsPrint(r):
			out = append(out, text[:n]...)
		case r > 0xffff && forYAML:
			out = fmt.Appendf(out, `\U%08x`, r)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[n:]
	}
	return out
}
