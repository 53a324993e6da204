package schema

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/concordat-ledger/concordat/ledger"
)

// The largest amount has 16 bytes and 39 digits.
const (
	amountBytesMax  = 16
	amountDigitsMax = 39
)

// appendText appends a field whose value is given as text, as name=value pairs
// have it.
func (f *Field) appendText(b []byte, text string) ([]byte, error) {
	bad := func() ([]byte, error) {
		return nil, fmt.Errorf("%w: %s is %q, which is not %s", ErrArguments, f.Name, shorten(text), f.Type.words())
	}
	switch f.Type {
	case String:
		if !utf8.ValidString(text) {
			return bad()
		}
		return f.appendBytes(b, []byte(text)), nil
	case Party:
		if ledger.Party(text).Validate() != nil {
			return bad()
		}
		return f.appendBytes(b, []byte(text)), nil
	case Bytes:
		if digits, ok := strings.CutPrefix(text, "0x"); ok {
			raw, err := hex.DecodeString(digits)
			if err != nil {
				return bad()
			}
			return f.appendBytes(b, raw), nil
		}
		return f.appendBytes(b, []byte(text)), nil
	case Uint64:
		v, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return bad()
		}
		return f.appendVarint(b, v), nil
	case Int64:
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return bad()
		}
		return f.appendVarint(b, uint64(v)), nil // #nosec G115 -- two's complement, as protobuf int64
	case Bool:
		if text != "true" && text != "false" {
			return bad()
		}
		return f.appendVarint(b, map[string]uint64{"true": 1}[text]), nil
	default:
		return f.appendAmount(b, text, bad)
	}
}

func (f *Field) appendAmount(b []byte, text string, bad func() ([]byte, error)) ([]byte, error) {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return bad()
		}
	}
	if len(text) > amountDigitsMax { // before the conversion, whose time grows faster than the text
		return bad()
	}
	v, ok := new(big.Int).SetString(text, 10)
	if !ok || v.BitLen() > 8*amountBytesMax {
		return bad()
	}
	return f.appendBytes(b, v.Bytes()), nil
}

// appendJSON appends a field whose value is given as JSON.
func (f *Field) appendJSON(b []byte, raw json.RawMessage) ([]byte, error) {
	var text string
	quoted := json.Unmarshal(raw, &text) == nil && len(raw) > 0 && raw[0] == '"'
	switch {
	case quoted && loneSurrogate(raw):
		return nil, fmt.Errorf("%w: %s has half of a character, \\uD800 to \\uDFFF alone", ErrArguments, f.Name)
	case f.Type == Bytes && quoted:
		v, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %s is not base64", ErrArguments, f.Name)
		}
		return f.appendBytes(b, v), nil
	case f.Type == String || f.Type == Party || f.Type == Bytes:
		if !quoted {
			return nil, fmt.Errorf("%w: %s is %s, which is not %s", ErrArguments, f.Name, shorten(string(raw)), f.Type.words())
		}
	case f.Type == Bool || !quoted: // numbers may be quoted, for many a reader rounds large ones
		text = string(raw)
	}
	return f.appendText(b, text)
}

func (f *Field) appendBytes(b, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, protowire.Number(f.Tag), protowire.BytesType), v) // #nosec G115 -- at most TagMax
}

func (f *Field) appendVarint(b []byte, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, protowire.Number(f.Tag), protowire.VarintType), v) // #nosec G115 -- at most TagMax
}

func (t Type) wire() protowire.Type {
	switch t {
	case Uint64, Int64, Bool:
		return protowire.VarintType
	}
	return protowire.BytesType
}

// value is the JSON of a field's value; number or raw holds it.
func (f *Field) value(number uint64, raw []byte) (any, error) {
	switch f.Type {
	case Uint64:
		return strconv.FormatUint(number, 10), nil
	case Int64:
		return strconv.FormatInt(int64(number), 10), nil // #nosec G115 -- two's complement
	case Bool:
		if number > 1 {
			return nil, fmt.Errorf("%w: %s is neither true nor false", ErrBytes, f.Name)
		}
		return number == 1, nil
	case Bytes:
		return base64.StdEncoding.EncodeToString(raw), nil
	case Amount:
		if len(raw) > amountBytesMax || len(raw) > 0 && raw[0] == 0 {
			return nil, fmt.Errorf("%w: %s is no amount in its shortest form", ErrBytes, f.Name)
		}
		return new(big.Int).SetBytes(raw).String(), nil
	case Party:
		if len(raw) > 0 && ledger.Party(raw).Validate() != nil {
			return nil, fmt.Errorf("%w: %s is no party", ErrBytes, f.Name)
		}
	}
	if !utf8.Valid(raw) {
		return nil, fmt.Errorf("%w: %s is not UTF-8", ErrBytes, f.Name)
	}
	return string(raw), nil
}

func shorten(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
