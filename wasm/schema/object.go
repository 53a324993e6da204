package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// readObject reads the members of a JSON object; nothing at all is the empty one.
// It is stricter than encoding/json, which lets the last of two members with one
// name win and puts U+FFFD for what is no text: what is signed would then not be
// what was meant.
func readObject(text []byte) (map[string]json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	if len(bytes.TrimSpace(text)) == 0 {
		return members, nil
	}
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if first, err := dec.Token(); err != nil || first != json.Delim('{') {
		return nil, errors.Join(errors.New("it does not begin with {"), err)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		key, _ := name.(string) // the decoder lets nothing else stand here
		if _, twice := members[key]; twice {
			return nil, fmt.Errorf("%q stands twice", shorten(key))
		}
		members[key] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows it")
	}
	return members, nil
}

// loneSurrogate tells whether a valid JSON string has an escape that is half of a
// character.
func loneSurrogate(quoted []byte) bool {
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		r, ok := escapedRune(quoted[i:])
		switch {
		case !ok:
			i++ // an escape of two characters
		case !utf16.IsSurrogate(r):
			i += 5
		default:
			low, ok := escapedRune(quoted[min(i+6, len(quoted)):])
			if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
				return true
			}
			i += 11
		}
	}
	return false
}

// escapedRune reads \uXXXX at the beginning of b.
func escapedRune(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(v), err == nil // #nosec G115 -- 16 bits
}
