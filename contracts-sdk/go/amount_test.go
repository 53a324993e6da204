package concordat

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

func big128(a Amount) *big.Int {
	return new(big.Int).Or(new(big.Int).Lsh(new(big.Int).SetUint64(a.hi), 64), new(big.Int).SetUint64(a.lo))
}

// Amounts agree with math/big over values of all lengths.
func TestAmountsAgainstMathBig(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	draw := func() Amount {
		a := Amount{random.Uint64(), random.Uint64()}
		n := random.IntN(129)
		for ; n > 0; n-- {
			a.lo = a.lo>>1 | a.hi<<63
			a.hi >>= 1
		}
		return a
	}
	limit := new(big.Int).Lsh(big.NewInt(1), 128)
	for range 20_000 {
		a, b := draw(), draw()
		x, y := big128(a), big128(b)
		sum, ok := a.Add(b)
		if want := new(big.Int).Add(x, y); ok != (want.Cmp(limit) < 0) || ok && big128(sum).Cmp(want) != 0 {
			t.Fatalf("%s + %s = %s, %v", a, b, sum, ok)
		}
		diff, ok := a.Sub(b)
		if want := new(big.Int).Sub(x, y); ok != (want.Sign() >= 0) || ok && big128(diff).Cmp(want) != 0 {
			t.Fatalf("%s - %s = %s, %v", a, b, diff, ok)
		}
		if a.Cmp(b) != x.Cmp(y) || a.String() != x.String() {
			t.Fatalf("%s, %s", a, x)
		}
		if back, ok := ParseAmount(x.String()); !ok || back != a {
			t.Fatalf("%s became %s", x, back)
		}
		var back Amount
		if raw := a.AppendValue(nil); string(raw) != string(x.Bytes()) || !back.ParseValue(raw) || back != a {
			t.Fatalf("%s as %x", x, raw)
		}
	}
	for _, s := range []string{"", "-1", "1.0", " 1", "340282366920938463463374607431768211456", "9999999999999999999999999999999999999999"} {
		if a, ok := ParseAmount(s); ok {
			t.Errorf("%q became %s", s, a)
		}
	}
}
