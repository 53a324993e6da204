package signature

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"
)

func testKey(t testing.TB, seed int64) PrivateKey {
	k, err := Generate(rand.New(rand.NewSource(seed)))
	require.NoError(t, err)
	return k
}

func TestAgreesWithTheStandardLibraryOnHonestSignatures(t *testing.T) {
	for i := range int64(50) {
		k := testKey(t, i)
		msg := []byte{byte(i), 1, 2}
		std := ed25519.NewKeyFromSeed(k.Seed())
		require.Equal(t, ed25519.Sign(std, msg), k.Sign(msg))
		require.True(t, Verify(k.Public(), msg, k.Sign(msg)))
		require.False(t, Verify(k.Public(), append(msg, 0), k.Sign(msg)))
	}
}

// The eight points of small order, and the non-canonical encodings that decode
// to some of them: signatures made of these are where implementations differ
// (Henry de Valence, "It's 255:19AM", 2020). All 14 x 14 pairs, with s = 0, are
// valid under ZIP-215, alone and in a batch.
var smallOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

func TestOneRuleForSingleAndBatchOnTheEdgeGrid(t *testing.T) {
	honest := testKey(t, 1)
	cases := 0
	for _, a := range smallOrder {
		for _, r := range smallOrder {
			var key PublicKey
			rawA, err := hex.DecodeString(a)
			require.NoError(t, err)
			copy(key[:], rawA)
			rawR, err := hex.DecodeString(r)
			require.NoError(t, err)
			sig := append(rawR, make([]byte, 32)...)
			single := Verify(key, []byte("Zcash"), sig)
			require.True(t, single, "ZIP-215 accepts A=%s R=%s", a, r)
			var alone, mixed Batch
			alone.Add(key, []byte("Zcash"), sig)
			all, _ := alone.Verify()
			require.Equal(t, single, all, "A=%s R=%s", a, r)
			mixed.Add(honest.Public(), []byte("x"), honest.Sign([]byte("x")))
			mixed.Add(key, []byte("Zcash"), sig)
			all, _ = mixed.Verify()
			require.Equal(t, single, all, "A=%s R=%s in a batch", a, r)
			cases++
		}
	}
	require.Equal(t, 196, cases)
}

func TestBatchNamesTheBadOnes(t *testing.T) {
	for bad := range 6 {
		var b Batch
		for i := range 6 {
			k := testKey(t, int64(i))
			msg := bytes.Repeat([]byte{byte(i)}, 10)
			sig := k.Sign(msg)
			if i == bad {
				switch bad % 3 {
				case 0:
					sig[5] ^= 1
				case 1:
					sig = sig[:10]
				default:
					msg = append(msg, 1)
				}
			}
			b.Add(k.Public(), msg, sig)
		}
		all, valid := b.Verify()
		require.False(t, all)
		for i, v := range valid {
			require.Equal(t, i != bad, v, "entry %d with %d spoilt", i, bad)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	k := testKey(b, 1)
	msg := make([]byte, 250)
	sig := k.Sign(msg)
	for b.Loop() {
		Verify(k.Public(), msg, sig)
	}
}

func BenchmarkBatch(b *testing.B) {
	for _, size := range []int{3, 16, 64, 256} {
		b.Run(string(rune('0'+size/100))+string(rune('0'+size/10%10))+string(rune('0'+size%10)), func(b *testing.B) {
			keys := make([]PrivateKey, size)
			sigs := make([][]byte, size)
			msg := make([]byte, 250)
			for i := range keys {
				keys[i] = testKey(b, int64(i))
				sigs[i] = keys[i].Sign(msg)
			}
			for b.Loop() {
				var batch Batch
				for i := range keys {
					batch.Add(keys[i].Public(), msg, sigs[i])
				}
				if all, _ := batch.Verify(); !all {
					b.Fatal("a good batch was refused")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "us/sig")
		})
	}
}
