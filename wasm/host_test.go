package wasm_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger/cryptography"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/host"
	"github.com/concordat-ledger/concordat/wasm/module"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

// status runs a body that leaves an i32, which becomes the output's first bytes.
func status(t *testing.T, call wasm.Call, build func(b *asm.Builder) [][]byte) (int32, wasm.Outcome) {
	t.Helper()
	b := asm.New()
	b.Pages = 3
	output := b.ABI("output")
	body := build(b)
	body = append([][]byte{i32(0)}, body...)
	body = append(body, asm.Memory(0x36, 2, 0), i32(0), i32(4), asm.CallFunc(output), i32(0))
	o, _ := both(t, b.Call([]byte{asm.I32}, body...).Bytes(), call, plenty)
	if o.Status != wasm.OK {
		return 0, o
	}
	return int32(binary.LittleEndian.Uint32(o.Output)), o
}

func TestWritesHaveLimits(t *testing.T) {
	for name, c := range map[string]struct {
		key, value, audience int32
		readOnly             bool
		want                 int32
	}{
		"fits":          {6, 100, 0, false, 0},
		"largest":       {host.KeyBytesMax, host.ValueBytesMax, 0, false, 0},
		"in a query":    {6, 100, 0, true, 1},
		"no key":        {0, 1, 0, false, 2},
		"long key":      {host.KeyBytesMax + 1, 1, 0, false, 2},
		"long value":    {6, host.ValueBytesMax + 1, 0, false, 2},
		"long audience": {6, 1, host.AudienceBytesMax + 1, false, 2},
	} {
		have, o := status(t, wasm.Call{ReadOnly: c.readOnly}, func(b *asm.Builder) [][]byte {
			put := b.ABI("put")
			return [][]byte{i32(1), i32(c.key), i32(1), i32(c.value), i32(1), i32(c.audience), asm.CallFunc(put)}
		})
		require.Equal(t, wasm.OK, o.Status, "%s: %s", name, o.Message)
		require.Equal(t, c.want, have, name)
	}
	// A thousand writes succeed, the next has a status.
	have, o := status(t, wasm.Call{}, func(b *asm.Builder) [][]byte {
		put := b.ABI("put")
		one := asm.Cat(i32(1), i32(4), i32(1), i32(4), i32(1), i32(0), asm.CallFunc(put))
		return [][]byte{i32(host.WritesMax), asm.Set(0), asm.Op(0x03, 0x40), one, asm.Op(0x1a), asm.Get(0), i32(1), asm.Op(0x6b), asm.Tee(0), asm.Op(0x0d, 0x00, 0x0b), one}
	})
	require.Equal(t, wasm.OK, o.Status, o.Message)
	require.EqualValues(t, 3, have)
}

func TestPointersBeyondMemoryTrap(t *testing.T) {
	for _, function := range []string{"call_read", "output", "get", "fetch", "put", "del", "emit", "log", "crypto", "scan"} {
		_, o := status(t, wasm.Call{Method: "m"}, func(b *asm.Builder) [][]byte {
			var params int
			results := 0
			for _, of := range offersOf(function) {
				params, results = len(of.Params), len(of.Results)
			}
			f := b.ABI(function)
			var body [][]byte
			for p := range params { // pointers far out, lengths of one, for scan and crypto too
				v := int32(-8)
				if p%2 == 1 {
					v = 16
				}
				if function == "crypto" {
					v = []int32{1, -8, 16, -8, 32}[p]
				}
				if function == "log" {
					v = []int32{0, -8, 16}[p]
				}
				body = append(body, i32(v))
			}
			body = append(body, asm.CallFunc(f))
			if results == 0 {
				body = append(body, i32(0))
			}
			return body
		})
		require.Equal(t, wasm.Trapped, o.Status, "%s: %s", function, o.Message)
		require.Contains(t, o.Message, "beyond the end of memory", function)
	}
}

func TestMalformedAudienceTraps(t *testing.T) {
	_, o := status(t, wasm.Call{}, func(b *asm.Builder) [][]byte {
		put := b.ABI("put")
		return [][]byte{i32(1), i32(4), i32(1), i32(4), i32(1), i32(3), asm.CallFunc(put)}
	})
	require.Equal(t, wasm.Trapped, o.Status)
	require.Contains(t, o.Message, "malformed audience")
}

// A scan hands over as many entries as fit, says what size it needs when not one
// does, and ends with zero.
func TestScanPacksEntries(t *testing.T) {
	b := asm.New()
	put, scan, next, output := b.ABI("put"), b.ABI("scan"), b.ABI("next"), b.ABI("output")
	b.Data = asm.DataAt(0, []byte("abcdefgh"))
	var body [][]byte
	for k := range int32(4) { // keys a b c d with values of 2 bytes
		body = append(body, i32(k), i32(1), i32(k), i32(2), i32(0), i32(0), asm.CallFunc(put), asm.Op(0x1a))
	}
	body = append(body, i32(1), i32(1), i32(0), i32(0), i32(0), asm.CallFunc(scan), asm.Set(0)) // from b on
	at := int32(100)
	for _, room := range []int32{5, 25, 25, 25} {
		body = append(body, i32(at), asm.Get(0), i32(at+4), i32(room), asm.CallFunc(next), asm.Memory(0x36, 2, 0))
		at += 30
	}
	body = append(body, i32(100), i32(120), asm.CallFunc(output), i32(0))
	o, _ := both(t, b.Call([]byte{asm.I32}, body...).Bytes(), wasm.Call{}, plenty)
	require.Equal(t, wasm.OK, o.Status, o.Message)
	result := func(i int) int32 { return int32(binary.LittleEndian.Uint32(o.Output[30*i:])) }
	require.EqualValues(t, -11, result(0))
	require.EqualValues(t, 22, result(1))
	require.Equal(t, "\x01\x00\x00\x00b\x02\x00\x00\x00bc\x01\x00\x00\x00c\x02\x00\x00\x00cd", string(o.Output[34:56]))
	require.EqualValues(t, 11, result(2))
	require.EqualValues(t, 0, result(3))
}

func TestCryptoAndRandomNumbers(t *testing.T) {
	build := func(op int32) []byte {
		b := asm.New()
		crypto, output := b.ABI("crypto"), b.ABI("output")
		b.Data = asm.DataAt(0, []byte("abc"))
		return b.Call(nil, i32(op), i32(0), i32(3), i32(64), i32(32), asm.CallFunc(crypto), asm.Op(0x1a), i32(64), i32(32), asm.CallFunc(output), i32(0)).Bytes()
	}
	o, _ := both(t, build(1), wasm.Call{}, plenty)
	sum := sha256.Sum256([]byte("abc"))
	require.Equal(t, sum[:], o.Output)
	a, _ := both(t, build(2), wasm.Call{TxID: [32]byte{1}, Self: "x"}, plenty)
	again, _ := both(t, build(2), wasm.Call{TxID: [32]byte{1}, Self: "x"}, plenty)
	other, _ := both(t, build(2), wasm.Call{TxID: [32]byte{1}, Self: "y"}, plenty)
	require.Equal(t, a.Output, again.Output)
	require.NotEqual(t, a.Output, other.Output)
	have, o := status(t, wasm.Call{}, func(b *asm.Builder) [][]byte {
		crypto := b.ABI("crypto")
		return [][]byte{i32(99), i32(0), i32(3), i32(64), i32(32), asm.CallFunc(crypto)}
	})
	require.Equal(t, wasm.OK, o.Status)
	require.EqualValues(t, -1, have, "what is not offered has a status")
}

func TestLogsAndFailuresAreCut(t *testing.T) {
	b := asm.New()
	log, fail := b.ABI("log"), b.ABI("fail")
	b.Data = asm.DataAt(0, []byte(strings.Repeat("x", 20_000)))
	o, s := both(t, b.Call(nil, i32(1), i32(0), i32(20_000), asm.CallFunc(log), i32(1), i32(0), i32(5), asm.CallFunc(log),
		i32(7), i32(0), i32(20_000), asm.CallFunc(fail), i32(0)).Bytes(), wasm.Call{}, plenty)
	require.Equal(t, wasm.Failed, o.Status)
	require.EqualValues(t, 7, o.Code)
	require.Len(t, o.Message, host.MessageBytesMax)
	require.Len(t, s.Logs, 1)
	require.Len(t, s.Logs[0], host.LogBytesMax)
}

func TestMemoryGrowthIsPaidAndBounded(t *testing.T) {
	grow := func(pages int32) (int32, uint64) {
		have, o := status(t, wasm.Call{}, func(*asm.Builder) [][]byte { return [][]byte{i32(pages), asm.Op(0x40, 0)} })
		require.Equal(t, wasm.OK, o.Status, o.Message)
		return have, o.GasUsed
	}
	old, little := grow(1)
	require.EqualValues(t, 3, old)
	_, much := grow(50)
	require.EqualValues(t, 49*1_000, much-little)
	_, high := grow(100)
	require.EqualValues(t, 99*1_000+100*8_000, high-little, "memory above 4 MiB costs more")
	for _, pages := range []int32{254, 10_000, -1} {
		old, used := grow(pages)
		require.EqualValues(t, -1, old, pages)
		require.Less(t, used, little, "what cannot grow costs little")
	}
}

func offersOf(name string) []module.Offer {
	for _, o := range module.Offers() {
		if o.Module == module.ABI && o.Name == name {
			return []module.Offer{o}
		}
	}
	return nil
}

// Each operation answers through the interface as its package does; 0 says that
// something does not hold, and what has no room is fetched.
func TestCryptoOperations(t *testing.T) {
	run := func(op int32, in []byte, room int32) (int32, []byte, uint64) {
		b := asm.New()
		crypto, fetch, output := b.ABI("crypto"), b.ABI("fetch"), b.ABI("output")
		b.Data = asm.DataAt(0, in)
		o, _ := both(t, b.Call(nil,
			i32(20_000), i32(op), i32(0), i32(int32(len(in))), i32(20_004), i32(room), asm.CallFunc(crypto), asm.Memory(0x36, 2, 0),
			i32(20_200), i32(100), asm.CallFunc(fetch), asm.Op(0x1a),
			i32(20_000), i32(300), asm.CallFunc(output), i32(0)).Bytes(), wasm.Call{}, plenty)
		require.Equal(t, wasm.OK, o.Status, o.Message)
		n := int32(binary.LittleEndian.Uint32(o.Output))
		if n > room {
			return n, o.Output[200 : 200+n], o.GasUsed
		}
		return n, o.Output[4 : 4+max(n, 0)], o.GasUsed
	}
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	signed := append(append(append([]byte{}, key[32:]...), ed25519.Sign(key, []byte("m"))...), 'm')
	for op, do := range map[int32]func([]byte) []byte{
		3: cryptography.SHA512, 4: cryptography.Keccak256, 5: cryptography.BLAKE3Sum, 6: cryptography.Ed25519, 7: cryptography.P256,
		8: cryptography.Secp256k1, 9: cryptography.Secp256k1Recover, 10: cryptography.BLS, 11: cryptography.BLSAggregate,
		12: cryptography.MerkleInclusion, 13: cryptography.Receipt,
	} {
		in := signed
		if op == 11 {
			in = make([]byte, 200) // of nobody
		}
		n, out, _ := run(op, in, 64)
		require.EqualValues(t, len(do(in)), n, op)
		require.True(t, bytes.Equal(do(in), out), op)
	}
	n, out, _ := run(3, []byte("abc"), 10)
	require.EqualValues(t, 64, n)
	require.Equal(t, cryptography.SHA512([]byte("abc")), out)
	for _, op := range []int32{0, 14, 99, -1} {
		n, _, _ := run(op, signed, 64)
		require.EqualValues(t, -1, n, op)
	}
	claim := func(n byte) []byte { return append(make([]byte, 48), n, 0) }
	_, _, none := run(11, claim(0), 64)
	_, _, three := run(11, claim(3), 64)
	require.EqualValues(t, 3*module.GasBLSSigner, three-none, "what the input claims is paid for before it is looked at")
}
