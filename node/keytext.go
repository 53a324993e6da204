package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/concordat-ledger/concordat/ledger"
)

// The contract SDKs make keys of parts, each behind its length in one byte. Such a key is
// shown, and may be given, as parts:balance,alice@org0; a part that is a number of the
// SDKs', eight bytes, as #42. Other keys are themselves when they are text, or hex:….
const (
	keyParts = "parts:"
	keyHex   = "hex:"
)

// shownKey is a key as it would be given; one of the whole state keeps what stands before
// a contract's keys.
func shownKey(key []byte) string {
	before, own := splitKey(key)
	if parts, ok := partsText(own); ok {
		return before + keyParts + parts
	}
	if strings.Contains(string(key), keyParts) {
		return keyHex + hex.EncodeToString(key)
	}
	return shownText(key)
}

// splitKey takes c/NAME/ off, behind which a contract's own keys stand.
func splitKey(key []byte) (before string, own []byte) {
	rest, ok := strings.CutPrefix(string(key), "c/")
	name, own2, found := strings.Cut(rest, "/")
	if !ok || !found || !ledger.ValidContractName(name) {
		return "", key
	}
	return "c/" + name + "/", []byte(own2)
}

// partsText joins the parts of a key; false when it has none, or one that would be read
// otherwise than it is shown.
func partsText(key []byte) (string, bool) {
	var parts []string
	for len(key) > 0 {
		n := int(key[0])
		if len(key) <= n {
			return "", false
		}
		part, ok := partText(key[1 : 1+n])
		if !ok {
			return "", false
		}
		parts, key = append(parts, part), key[1+n:]
	}
	return strings.Join(parts, ","), len(parts) > 0
}

func partText(part []byte) (string, bool) {
	text := string(part)
	if utf8.Valid(part) && !strings.ContainsAny(text, ",#") && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text, true
	}
	if len(part) == 8 {
		return "#" + strconv.FormatUint(binary.BigEndian.Uint64(part), 10), true
	}
	return "", false
}

// givenKey reads what shownKey shows.
func givenKey(text string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(text, keyHex); ok {
		key, err := hex.DecodeString(digits)
		if err != nil {
			return nil, &exitError{code: exitUsage, err: fmt.Errorf("read the key %q: %w", text, err)}
		}
		return key, nil
	}
	before, list, ok := strings.Cut(text, keyParts)
	if at, own := splitKey([]byte(before)); !ok || at != before || len(own) > 0 && at != "" || at == "" && before != "" {
		return []byte(text), nil
	}
	key := []byte(before)
	for _, part := range strings.Split(list, ",") {
		if digits, ok := strings.CutPrefix(part, "#"); ok {
			n, err := strconv.ParseUint(digits, 10, 64)
			if err != nil {
				return nil, &exitError{code: exitUsage, err: fmt.Errorf("read the key %q: %q is no number", text, digits)}
			}
			part = string(binary.BigEndian.AppendUint64(nil, n))
		}
		if len(part) > 255 {
			return nil, &exitError{code: exitUsage, err: fmt.Errorf("read the key %q: a part has more than 255 bytes", text)}
		}
		key = append(append(key, byte(len(part))), part...)
	}
	return key, nil
}
