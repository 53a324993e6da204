package declare

import (
	"strings"
	"unicode"

	"github.com/concordat-ledger/concordat/ledger"
)

// Snake is a name of the sources as a schema writes it: transferFrom, TransferFrom
// and TRANSFER_FROM are transfer_from, PartyID is party_id.
func Snake(name string) string {
	var out strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		if i > 0 && unicode.IsUpper(r) && letters[i-1] != '_' {
			begins := !unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])
			if begins {
				out.WriteByte('_')
			}
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// Sentence is a comment as a schema has it: on one line, and without the name that
// a comment in Go begins with.
func Sentence(comment, name string) string {
	words := strings.Fields(comment)
	if len(words) > 1 && (words[0] == name || words[0] == name+":") {
		words = words[1:]
		if len(words) > 1 && words[0] == "is" {
			words = words[1:]
		}
	}
	text := strings.Join(words, " ")
	for i, r := range text {
		if i == 0 {
			return string(unicode.ToUpper(r)) + text[len(string(r)):]
		}
	}
	return text
}

// contractName is the name of a folder or crate as one of a contract; none when it cannot be one.
func contractName(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	if !ledger.ValidContractName(name) {
		return ""
	}
	return name
}
