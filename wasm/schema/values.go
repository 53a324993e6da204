package schema

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
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
	hashBytes       = 32
)

// scalar is one value: a number or bytes, as its type has it.
type scalar struct {
	number uint64
	raw    []byte
}

// parse reads one value that is given as text, as name=value pairs have it.
func (f *Field) parse(text string) (scalar, error) {
	none := scalar{}
	bad := fmt.Errorf("%w: %s is %q, which is not %s", ErrArguments, f.Name, shorten(text), f.Type.words())
	switch f.Type {
	case String:
		if !utf8.ValidString(text) {
			return none, bad
		}
	case Party:
		if ledger.Party(text).Validate() != nil {
			return none, bad
		}
	case Bytes:
		if digits, ok := strings.CutPrefix(text, "0x"); ok {
			raw, err := hex.DecodeString(digits)
			if err != nil {
				return none, bad
			}
			return scalar{raw: raw}, nil
		}
	case Hash:
		raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
		if err != nil || len(raw) != hashBytes {
			return none, bad
		}
		return scalar{raw: raw}, nil
	case Amount:
		return f.parseAmount(text, bad)
	default:
		return f.parseNumber(text, bad)
	}
	return scalar{raw: []byte(text)}, nil
}

func (f *Field) parseNumber(text string, bad error) (scalar, error) {
	switch f.Type {
	case Bool:
		if text != "true" && text != "false" {
			return scalar{}, bad
		}
		return scalar{number: map[string]uint64{"true": 1}[text]}, nil
	case Int64, Int32:
		v, err := strconv.ParseInt(text, 10, f.bits())
		if err != nil {
			return scalar{}, bad
		}
		return scalar{number: uint64(v)}, nil // #nosec G115 -- two's complement, as protobuf int64
	}
	v, err := strconv.ParseUint(text, 10, f.bits())
	if err != nil {
		return scalar{}, bad
	}
	return scalar{number: v}, nil
}

func (f *Field) bits() int {
	if f.Type == Uint32 || f.Type == Int32 {
		return 32
	}
	return 64
}

func (f *Field) parseAmount(text string, bad error) (scalar, error) {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return scalar{}, bad
		}
	}
	if text == "" {
		return scalar{}, bad
	}
	if text = strings.TrimLeft(text, "0"); text == "" {
		return scalar{}, nil
	}
	if len(text) > amountDigitsMax { // before the conversion, whose time grows faster than the text
		return scalar{}, bad
	}
	v, ok := new(big.Int).SetString(text, 10)
	if !ok || v.BitLen() > 8*amountBytesMax {
		return scalar{}, bad
	}
	return scalar{raw: v.Bytes()}, nil
}

// parseJSON reads one value that is given as JSON.
func (f *Field) parseJSON(raw json.RawMessage) (scalar, error) {
	var text string
	quoted := json.Unmarshal(raw, &text) == nil && len(raw) > 0 && raw[0] == '"'
	switch {
	case quoted && loneSurrogate(raw):
		return scalar{}, fmt.Errorf("%w: %s has half of a character, \\uD800 to \\uDFFF alone", ErrArguments, f.Name)
	case f.Type == Bytes && quoted:
		v, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return scalar{}, fmt.Errorf("%w: %s is not base64", ErrArguments, f.Name)
		}
		return scalar{raw: v}, nil
	case f.Type == String || f.Type == Party || f.Type == Bytes || f.Type == Hash:
		if !quoted {
			return scalar{}, fmt.Errorf("%w: %s is %s, which is not %s", ErrArguments, f.Name, shorten(string(raw)), f.Type.words())
		}
	case f.Type == Bool || !quoted: // numbers may be quoted, for many a reader rounds large ones
		text = string(raw)
	}
	return f.parse(text)
}

// varint tells whether a type is written as a number.
func (t Type) varint() bool {
	switch t {
	case Uint64, Int64, Uint32, Int32, Bool:
		return true
	}
	return false
}

// packed tells whether a field is numbers one after another, in bytes.
func (f *Field) packed() bool { return f.Repeated && f.Type.varint() }

func (f *Field) wire() protowire.Type {
	if f.Type.varint() && !f.Repeated {
		return protowire.VarintType
	}
	return protowire.BytesType
}

// value is the JSON of a value; the zero scalar is the default.
func (f *Field) value(v scalar) (any, error) {
	switch f.Type {
	case Uint64, Uint32:
		if v.number > math.MaxUint32 && f.Type == Uint32 {
			return nil, fmt.Errorf("%w: %s has more than 32 bits", ErrBytes, f.Name)
		}
		return strconv.FormatUint(v.number, 10), nil
	case Int64, Int32:
		n := int64(v.number) // #nosec G115 -- two's complement
		if (n < math.MinInt32 || n > math.MaxInt32) && f.Type == Int32 {
			return nil, fmt.Errorf("%w: %s has more than 32 bits", ErrBytes, f.Name)
		}
		return strconv.FormatInt(n, 10), nil
	case Bool:
		if v.number > 1 {
			return nil, fmt.Errorf("%w: %s is neither true nor false", ErrBytes, f.Name)
		}
		return v.number == 1, nil
	case Bytes:
		return base64.StdEncoding.EncodeToString(v.raw), nil
	case Hash:
		return f.hash(v.raw)
	case Amount:
		if len(v.raw) > amountBytesMax || len(v.raw) > 0 && v.raw[0] == 0 {
			return nil, fmt.Errorf("%w: %s is no amount in its shortest form", ErrBytes, f.Name)
		}
		return new(big.Int).SetBytes(v.raw).String(), nil
	case Party:
		if len(v.raw) > 0 && ledger.Party(v.raw).Validate() != nil {
			return nil, fmt.Errorf("%w: %s is no party", ErrBytes, f.Name)
		}
	}
	if !utf8.Valid(v.raw) {
		return nil, fmt.Errorf("%w: %s is not UTF-8", ErrBytes, f.Name)
	}
	return string(v.raw), nil
}

// hash shows a hash. One of zeros is left out where it stands alone, and has its 32
// bytes in a list.
func (f *Field) hash(raw []byte) (any, error) {
	var zero [hashBytes]byte
	switch {
	case raw == nil && !f.Repeated:
		raw = zero[:]
	case len(raw) != hashBytes || !f.Repeated && bytes.Equal(raw, zero[:]):
		return nil, fmt.Errorf("%w: %s is no hash of 32 bytes, or one of zeros, which is left out", ErrBytes, f.Name)
	}
	return hex.EncodeToString(raw), nil
}

func shorten(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
