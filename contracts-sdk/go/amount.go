package concordat

import "math/bits"

// Amount is an unsigned number of 128 bits, for money. The zero value is zero.
type Amount struct{ hi, lo uint64 }

// NewAmount is an amount of v.
func NewAmount(v uint64) Amount { return Amount{lo: v} }

// ParseAmount reads a decimal number without sign.
func ParseAmount(s string) (Amount, bool) {
	var a Amount
	if s == "" || len(s) > 39 {
		return a, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return Amount{}, false
		}
		over, lo := bits.Mul64(a.lo, 10)
		over2, hi := bits.Mul64(a.hi, 10)
		hi, carry := bits.Add64(hi, over, 0)
		if over2 != 0 || carry != 0 {
			return Amount{}, false
		}
		var ok bool
		if a, ok = (Amount{hi, lo}).Add(NewAmount(uint64(s[i] - '0'))); !ok {
			return Amount{}, false
		}
	}
	return a, true
}

// Add is a+b; false when that is more than 128 bits hold.
func (a Amount) Add(b Amount) (Amount, bool) {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, carry := bits.Add64(a.hi, b.hi, carry)
	return Amount{hi, lo}, carry == 0
}

// Sub is a-b; false when b is more than a.
func (a Amount) Sub(b Amount) (Amount, bool) {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, borrow := bits.Sub64(a.hi, b.hi, borrow)
	return Amount{hi, lo}, borrow == 0
}

// Cmp is -1, 0 or 1 as a is less than, equal to or more than b.
func (a Amount) Cmp(b Amount) int {
	switch {
	case a == b:
		return 0
	case a.hi < b.hi || a.hi == b.hi && a.lo < b.lo:
		return -1
	}
	return 1
}

// IsZero tells whether a is zero.
func (a Amount) IsZero() bool { return a == Amount{} }

// String is the decimal number.
func (a Amount) String() string {
	var b [40]byte
	i := len(b)
	for {
		var digit uint64
		q, r := a.hi/10, a.hi%10
		a.hi = q
		a.lo, digit = bits.Div64(r, a.lo, 10)
		i--
		b[i] = '0' + byte(digit)
		if a.IsZero() {
			return string(b[i:])
		}
	}
}

// AppendValue appends the amount as the state and arguments hold it: big-endian,
// without leading zeros, so zero is empty.
func (a Amount) AppendValue(b []byte) []byte {
	if a.hi != 0 {
		return appendBytesOf(appendBytesOf(b, a.hi, bits.Len64(a.hi)), a.lo, 64)
	}
	return appendBytesOf(b, a.lo, bits.Len64(a.lo))
}

// appendBytesOf appends the lowest bits of v as whole bytes, the highest first.
func appendBytesOf(b []byte, v uint64, size int) []byte {
	for at := (size - 1) &^ 7; at >= 0; at -= 8 {
		b = append(b, byte(v>>at))
	}
	return b
}

// ParseValue reads what AppendValue wrote.
func (a *Amount) ParseValue(b []byte) bool {
	*a = Amount{}
	if len(b) > 16 || len(b) > 0 && b[0] == 0 {
		return false
	}
	if n := len(b) - 8; n > 0 {
		a.hi, b = number(b[:n]), b[n:]
	}
	a.lo = number(b)
	return true
}

func number(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}
