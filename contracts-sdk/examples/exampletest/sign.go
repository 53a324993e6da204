package exampletest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// signer makes keys and signatures for behaviour.txt. They are the same every time: a
// key is made of its name. Never make keys so outside of a test.
type signer struct {
	values map[string][]byte // public keys and signatures by name
	lines  []string          // what the next call's cryptography answers
}

func newSigner() *signer { return &signer{values: map[string][]byte{}} }

var named = regexp.MustCompile(`\$([a-z0-9-]+)(:hex|:base64)?`)

// fill replaces names in a line: $NAME by 0x and hexadecimal digits, $NAME:hex by the
// digits alone, $NAME:base64 for JSON. A key is there from its first signature on.
func (s *signer) fill(t testing.TB, line string) string {
	return named.ReplaceAllStringFunc(line, func(word string) string {
		m := named.FindStringSubmatch(word)
		value := s.values[m[1]]
		must(t, value != nil, "nothing is called %s: %s", m[1], line)
		switch m[2] {
		case ":base64":
			return base64.StdEncoding.EncodeToString(value)
		case ":hex":
			return hex.EncodeToString(value)
		}
		return "0x" + hex.EncodeToString(value)
	})
}

// line does what a line "key NAME ALGORITHM", "sign NAME KEY TEXT" or "deny NAME KEY
// TEXT" says.
func (s *signer) line(t testing.TB, word, rest string) {
	f := strings.SplitN(rest, " ", 3)
	if word == "key" {
		s.values[f[0]] = publicKey(t, f[0], f[1])
		return
	}
	text, err := strconv.Unquote(s.fill(t, f[2]))
	worked(t, err, rest)
	public := s.values[f[1]]
	must(t, public != nil, "no key %s", f[1])
	if word == "sign" {
		s.values[f[0]] = signature(t, f[1], len(public), text)
	}
	op, input := 6, string(public)+string(s.values[f[0]])+text
	if len(public) == 33 {
		digest := sha256.Sum256([]byte(text))
		op, input = 7, string(digest[:])+string(s.values[f[0]])+string(public)
	}
	answer := "01"
	if word == "deny" {
		answer = "-"
	}
	s.lines = append(s.lines, fmt.Sprintf("%d %x %s", op, input, answer))
}

// taken are the lines for the next call.
func (s *signer) taken() []string {
	out := s.lines
	s.lines = nil
	return out
}

func edKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func p256Key(t testing.TB, name string) *ecdsa.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	worked(t, err)
	return key
}

func publicKey(t testing.TB, name, algorithm string) []byte {
	if algorithm == "ed25519" {
		return edKey(name)[32:]
	}
	whole, err := p256Key(t, name).PublicKey.Bytes() // 4, x, y
	worked(t, err)
	return append([]byte{2 + whole[64]&1}, whole[1:33]...)
}

// signature is one of RFC 8032 or RFC 6979.
func signature(t testing.TB, name string, public int, text string) []byte {
	if public == 32 {
		return ed25519.Sign(edKey(name), []byte(text))
	}
	digest := sha256.Sum256([]byte(text))
	der, err := p256Key(t, name).Sign(nil, digest[:], crypto.SHA256)
	worked(t, err)
	var rs struct{ R, S *big.Int }
	_, err = asn1.Unmarshal(der, &rs)
	worked(t, err)
	return append(rs.R.FillBytes(make([]byte, 32)), rs.S.FillBytes(make([]byte, 32))...)
}
