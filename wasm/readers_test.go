package wasm_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
	"github.com/concordat-ledger/concordat/wasm/wasmtest"
	asm "github.com/concordat-ledger/concordat/wasm/wasmtest/assemble"
)

const open = math.MinInt32 // the bit that declassifies

// teller reads the records "a", "b", … of the given number, then puts and emits for an
// audience, and puts out both statuses, declassified.
func teller(reads int, audience []byte, flag int32) []byte {
	b := asm.New()
	get, put, emit, output := b.ABI("get"), b.ABI("put"), b.ABI("emit"), b.ABI("output")
	b.Data = asm.DataAt(0, append([]byte("abcdefgh"), audience...))
	n := int32(len(audience)) | flag
	var body [][]byte
	for i := range int32(reads) {
		body = append(body, i32(i), i32(1), i32(5000), i32(0), asm.CallFunc(get), asm.Op(0x1a))
	}
	body = append(body,
		i32(6000), i32(7), i32(1), i32(0), i32(2), i32(8), i32(n), asm.CallFunc(put), asm.Memory(0x36, 2, 0),
		i32(6004), i32(7), i32(1), i32(0), i32(2), i32(8), i32(n), asm.CallFunc(emit), asm.Memory(0x36, 2, 0),
		i32(6000), i32(8|open), asm.CallFunc(output), i32(0))
	return b.Call(nil, body...).Bytes()
}

func audience(entries ...ledger.Party) []byte { return ledger.NewAudience(entries...).Encode() }

// told runs a module on records with audiences and returns the status of put.
func told(t *testing.T, e *wasm.Engine, code []byte, records ...[]byte) int32 {
	t.Helper()
	m := compile(t, e, code)
	s := wasmtest.New()
	for i, a := range records {
		key := string(rune('a' + i))
		s.Values[key] = []byte("v")
		if a != nil {
			s.Audiences[key] = a
		}
	}
	o := s.Call(m, wasm.Call{Method: "m"}, plenty)
	require.Equal(t, wasm.OK, o.Status, o.Message)
	status := int32(binary.LittleEndian.Uint32(o.Output))
	require.Equal(t, status, int32(binary.LittleEndian.Uint32(o.Output[4:])), "put and emit are judged alike")
	_, wrote := s.Values["h"]
	require.Equal(t, status == 0, wrote)
	require.Equal(t, status == 0, len(s.Events) == 1)
	return status
}

func TestWhatWasReadIsNotToldToMore(t *testing.T) {
	e := engine(t, wasm.Config{})
	type list = []ledger.Party
	for name, c := range map[string]struct {
		read []list
		tell list
		want int32
	}{
		"nothing private":              {[]list{{}, {}}, list{}, 0},
		"to everybody":                 {[]list{{"a@a"}}, list{}, 4},
		"to the same":                  {[]list{{"a@a", "org:b"}}, list{"a@a", "org:b"}, 0},
		"to fewer":                     {[]list{{"a@a", "org:b"}}, list{"org:b"}, 0},
		"to one more":                  {[]list{{"a@a"}}, list{"a@a", "b@b"}, 4},
		"to one of the organisation":   {[]list{{"org:a"}}, list{"x@a", "y@a"}, 0},
		"to one of another":            {[]list{{"org:a"}}, list{"x@ab"}, 4},
		"to the organisation of one":   {[]list{{"x@a"}}, list{"org:a"}, 4},
		"to who may read both":         {[]list{{"a@a", "b@b"}, {"b@b", "c@c"}}, list{"b@b"}, 0},
		"to who may read the first":    {[]list{{"a@a", "b@b"}, {"b@b", "c@c"}}, list{"a@a"}, 4},
		"through an organisation":      {[]list{{"org:a", "org:b"}, {"x@a", "org:b"}}, list{"org:b", "x@a"}, 0},
		"the organisation is narrowed": {[]list{{"org:a"}, {"x@a"}}, list{"y@a"}, 4},
		"and not widened again":        {[]list{{"x@a"}, {"org:a"}}, list{"org:a"}, 4},
		"nobody is left":               {[]list{{"a@a"}, {"b@b"}}, list{"a@a"}, 4},
		"nobody is not everybody":      {[]list{{"a@a"}, {"b@b"}}, list{}, 4},
		"in three steps":               {[]list{{"org:a", "org:b"}, {"org:a", "x@b"}, {"y@a", "x@b"}}, list{"x@b", "y@a"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var records [][]byte
			for _, r := range c.read {
				records = append(records, audience(r...))
			}
			require.Equal(t, c.want, told(t, e, teller(len(c.read), audience(c.tell...), 0), records...))
			require.Zero(t, told(t, e, teller(len(c.read), audience(c.tell...), open), records...), "declassified")
			require.Zero(t, told(t, e, teller(0, audience(c.tell...), 0), records...), "nothing is read")
		})
	}
}

// An entry of a scan counts once next has looked at it, which is one more than it
// has room for.
func TestAScanIsARead(t *testing.T) {
	b := asm.New()
	scan, next, put, output := b.ABI("scan"), b.ABI("next"), b.ABI("put"), b.ABI("output")
	one := func(at int32) [][]byte {
		return [][]byte{i32(100), i32(9 + 1), asm.CallFunc(next), asm.Op(0x1a), // room for one entry
			i32(at), i32(200), i32(1), i32(0), i32(1), i32(0), i32(0), asm.CallFunc(put), asm.Memory(0x36, 2, 0)}
	}
	body := [][]byte{i32(0), i32(0), i32(0), i32(0), i32(0), asm.CallFunc(scan), asm.Set(0)}
	for i := range int32(2) {
		body = append(append(body, asm.Get(0)), one(300+4*i)...)
	}
	b.Data = asm.DataAt(200, []byte("z"))
	body = append(body, i32(300), i32(8|open), asm.CallFunc(output), i32(0))
	m := compile(t, engine(t, wasm.Config{}), b.Call([]byte{asm.I32}, body...).Bytes())
	s := wasmtest.New()
	s.Values["a"], s.Values["b"], s.Values["c"], s.Audiences["c"] = []byte("v"), []byte("v"), []byte("v"), audience("a@a")
	o := s.Call(m, wasm.Call{}, plenty)
	require.Equal(t, wasm.OK, o.Status, o.Message)
	require.Equal(t, []byte{0, 0, 0, 0, 4, 0, 0, 0}, o.Output)
}

// What a call has read goes into the calls that it makes, and comes back from them,
// also when they fail.
func TestReadersGoThroughCallsOfOtherContracts(t *testing.T) {
	e := engine(t, wasm.Config{})
	caller := func(reads bool) []byte {
		b := asm.New()
		get, put, invoke, output := b.ABI("get"), b.ABI("put"), b.ABI("invoke"), b.ABI("output")
		b.Data = asm.DataAt(0, []byte("a\x00\x00\x00other\x00\x00\x00\x0a\x01m"))
		var body [][]byte
		if reads {
			body = append(body, i32(0), i32(1), i32(0), i32(0), asm.CallFunc(get), asm.Op(0x1a))
		}
		body = append(body,
			i32(100), i32(4), i32(5), i32(12), i32(3), asm.I64Const(math.MaxInt64), asm.CallFunc(invoke), asm.Memory(0x36, 2, 0),
			i32(104), i32(4), i32(1), i32(4), i32(1), i32(0), i32(0), asm.CallFunc(put), asm.Memory(0x36, 2, 0),
			i32(100), i32(8|open), asm.CallFunc(output), i32(0))
		return b.Call(nil, body...).Bytes()
	}
	// other reads "a" if told so, and fails with the status that a put for everybody has, or traps.
	other := func(reads, traps bool) []byte {
		b := asm.New()
		get, put := b.ABI("get"), b.ABI("put")
		b.Data = asm.DataAt(0, []byte("ax"))
		var body [][]byte
		if reads {
			body = append(body, i32(0), i32(1), i32(0), i32(0), asm.CallFunc(get), asm.Op(0x1a))
		}
		if traps {
			body = append(body, asm.Op(0x00))
		}
		return b.Call(nil, append(body, i32(1), i32(1), i32(1), i32(1), i32(0), i32(0), asm.CallFunc(put))...).Bytes()
	}
	for name, c := range map[string]struct {
		mine, reads, traps bool
		want               []byte
	}{
		"neither reads":           {false, false, false, []byte{0, 0}},
		"the caller read":         {true, false, false, []byte{1, 4}},
		"the called one reads":    {false, true, false, []byte{1, 4}},
		"the called one traps":    {false, true, true, []byte{2, 4}},
		"a trap without any read": {false, false, true, []byte{2, 0}},
	} {
		s := wasmtest.New()
		s.Values["a"], s.Audiences["a"] = []byte("v"), audience("a@a")
		s.Others = map[string]*wasm.Module{"other": compile(t, e, other(c.reads, c.traps))}
		o := s.Call(compile(t, e, caller(c.mine)), wasm.Call{}, plenty)
		require.Equal(t, wasm.OK, o.Status, "%s: %s", name, o.Message)
		require.Equal(t, []byte{c.want[0], 0, 0, 0, c.want[1], 0, 0, 0}, o.Output, name)
	}
}

// Every member sees how a transaction ends, so it must not say what only some may
// know. A query sees what its reader may, and another contract is told all.
func TestHowACallEndsIsNotTold(t *testing.T) {
	e := engine(t, wasm.Config{})
	end := func(how string, flag int32) []byte {
		b := asm.New()
		get, output, fail, write := b.ABI("get"), b.ABI("output"), b.ABI("fail"), b.ABI("fd_write")
		b.Data = asm.DataAt(0, []byte("secret\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00"))
		body := [][]byte{i32(3), i32(1), i32(0), i32(0), asm.CallFunc(get), asm.Op(0x1a)} // "r"
		switch how {
		case "output":
			body = append(body, i32(0), i32(6|flag), asm.CallFunc(output), i32(0))
		case "fail":
			body = append(body, i32(9), i32(0), i32(6|flag), asm.CallFunc(fail), i32(0))
		case "panic":
			body = append(body, i32(2), i32(8), i32(1), i32(40), asm.CallFunc(write), asm.Op(0x1a), asm.Op(0x00))
		}
		return b.Call(nil, body...).Bytes()
	}
	var logs []string
	run := func(code []byte, call wasm.Call, private bool) wasm.Outcome {
		s := wasmtest.New()
		defer func() { logs = s.Logs }()
		s.Values["r"] = []byte("v")
		if private {
			s.Audiences["r"] = audience("a@a")
		}
		return s.Call(compile(t, e, code), call, plenty)
	}
	for _, call := range []wasm.Call{{Via: "another"}, {ReadOnly: true}} {
		require.Equal(t, "secret", string(run(end("output", 0), call, true).Output))
		require.Equal(t, "secret", run(end("fail", 0), call, true).Message)
		require.Equal(t, "unreachable: secret", run(end("panic", 0), call, true).Message)
	}
	require.Equal(t, "secret", string(run(end("output", 0), wasm.Call{}, false).Output), "nothing private was read")
	o := run(end("output", 0), wasm.Call{}, true)
	require.Equal(t, wasm.Trapped, o.Status)
	require.Contains(t, o.Message, "an output is shown to every member")
	o = run(end("fail", 0), wasm.Call{}, true)
	require.EqualValues(t, 9, o.Code)
	require.Equal(t, "the message is withheld, for the call had read private records", o.Message)
	require.Equal(t, []string{"secret"}, logs, "the replica's log has it")
	require.Equal(t, "unreachable", run(end("panic", 0), wasm.Call{}, true).Message)
	require.Equal(t, "secret", string(run(end("output", open), wasm.Call{}, true).Output))
	require.Equal(t, "secret", run(end("fail", open), wasm.Call{}, true).Message)
}

// reader reads the records under the bytes from 1 to n and then puts for an audience.
func reader(n int, audience []byte) []byte {
	b := asm.New()
	get, put, output := b.ABI("get"), b.ABI("put"), b.ABI("output")
	keys := make([]byte, 256)
	for i := range keys {
		keys[i] = byte(i)
	}
	b.Data = asm.DataAt(0, append(keys, audience...))
	var body [][]byte
	for i := range int32(n) {
		body = append(body, i32(i+1), i32(1), i32(9000), i32(0), asm.CallFunc(get), asm.Op(0x1a))
	}
	body = append(body,
		i32(9000), i32(0), i32(1), i32(0), i32(1), i32(256), i32(int32(len(audience))), asm.CallFunc(put), asm.Memory(0x36, 2, 0),
		i32(9000), i32(4|open), asm.CallFunc(output), i32(0))
	return b.Call(nil, body...).Bytes()
}

func readAll(t *testing.T, e *wasm.Engine, read []ledger.Audience, tell ledger.Audience) (status byte, o wasm.Outcome) {
	t.Helper()
	s := wasmtest.New()
	for i, a := range read {
		key := string([]byte{byte(i + 1)})
		s.Values[key], s.Audiences[key] = []byte("v"), a.Encode()
	}
	o = s.Call(compile(t, e, reader(len(read), tell.Encode())), wasm.Call{}, plenty)
	require.Equal(t, wasm.OK, o.Status, o.Message)
	return o.Output[0], o
}

// One list stands for all audiences that were read: it gives the answers of a model
// that keeps each of them.
func TestReadersAgreeWithASlowModel(t *testing.T) {
	e := engine(t, wasm.Config{})
	random := rand.New(rand.NewSource(7))
	names := []ledger.Party{"org:a", "org:b", "org:c", "1@a", "2@a", "1@b", "2@b", "1@c", "contract:x", "x"}
	draw := func(most int) ledger.Audience {
		var a ledger.Audience
		for range 1 + random.Intn(most) {
			a = append(a, names[random.Intn(len(names))])
		}
		return ledger.NewAudience(a...)
	}
	covers := func(a ledger.Audience, entry ledger.Party) bool {
		_, organisation, _ := strings.Cut(string(entry), "@")
		for _, reader := range a {
			if reader == entry || organisation != "" && string(reader) == "org:"+organisation {
				return true
			}
		}
		return false
	}
	refused := 0
	for range 400 {
		var read []ledger.Audience
		for range 1 + random.Intn(5) {
			read = append(read, draw(7))
		}
		tell := draw(2)
		want := byte(0)
		for _, a := range read {
			for _, entry := range tell {
				if !covers(a, entry) {
					want = 4
				}
			}
		}
		status, _ := readAll(t, e, read, tell)
		require.Equal(t, want, status, "%v of %v", tell, read)
		refused += int(want) / 4
	}
	require.Greater(t, refused, 50)
	require.Less(t, refused, 375)
}

// The longest list that audiences of 64 can make: each step gives up an organisation
// for 32 of its parties and keeps the rest.
func TestReadersAreBounded(t *testing.T) {
	organisation := func(i int) ledger.Party { return ledger.Party(fmt.Sprintf("org:o%02d", i)) }
	var all []ledger.Party
	for i := range 64 {
		all = append(all, organisation(i))
	}
	read := []ledger.Audience{ledger.NewAudience(all...)}
	for step := range 33 {
		next := append([]ledger.Party{}, all[:32]...)
		if step > 0 {
			next = append(slices.Delete(next, step-1, step), organisation(40))
		}
		given := 40
		if step > 0 {
			given = step - 1
		}
		for p := range 32 {
			next = append(next, ledger.Party(fmt.Sprintf("p%02d@o%02d", p, given)))
		}
		read = append(read, ledger.NewAudience(next...))
		require.Len(t, read[len(read)-1], 64)
	}
	status, o := readAll(t, engine(t, wasm.Config{}), read, ledger.Audience{"p00@o05"})
	require.Zero(t, status)
	require.Greater(t, len(o.Read.Entries), 800)
	require.LessOrEqual(t, len(o.Read.Entries), 1100)
}
