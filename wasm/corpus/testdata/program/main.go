// Program is a contract of everyday Go whose methods work the runtime and the
// standard library: what they leave must be the same everywhere.
package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	mathrand "math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:wasmimport concordat_1 call_read
func callRead(p *byte, n uint32) uint32

//go:wasmimport concordat_1 output
func output(p *byte, n uint32)

//go:wasmexport concordat_abi_1
func marker() {}

var methods = map[string]func(n int) string{
	"garbage": garbage, "maps": maps, "goroutines": goroutines, "recover": recovered, "nilmap": nilMap, "deadlock": deadlock,
	"math": mathematics, "floats": floats, "sort": sorting, "sha256": hashing, "big": bigNumbers, "bits": bitCounts,
	"clock": clock, "random": random, "deep": deep, "huge": huge, "format": format, "strings": text, "bounds": bounds, "divide": divide,
}

//go:wasmexport call
func call() int32 {
	b := make([]byte, 256)
	b = b[:callRead(&b[0], 256)]
	name := string(b[2 : 2+b[1]])
	n := int(binary.LittleEndian.Uint64(b[2+b[1]+2:]))
	out := []byte(methods[name](n) + ".")
	output(&out[0], uint32(len(out)))
	return 0
}

type node struct {
	left, right *node
	value       [4]int
}

func tree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{tree(depth - 1), tree(depth - 1), [4]int{depth}}
}

func garbage(n int) string {
	for range n {
		tree(7)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return fmt.Sprint(m.NumGC, m.Mallocs, m.HeapAlloc)
}

func maps(n int) string {
	m := map[string]int{}
	for i := range n {
		m[strconv.Itoa(i*7919)] = i
	}
	for i := 0; i < n; i += 3 {
		delete(m, strconv.Itoa(i*7919))
	}
	order := 0
	for k, v := range m { // the order is part of the answer
		order = order*31 + v + len(k)
	}
	return fmt.Sprint(len(m), order)
}

func goroutines(n int) string {
	var wg sync.WaitGroup
	var mu sync.Mutex
	c, done := make(chan int, 3), make(chan bool)
	trace := 0
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range 5 {
				c <- i*j + j
				runtime.Gosched()
			}
			mu.Lock()
			trace = trace*31 + i
			mu.Unlock()
		}()
	}
	go func() { wg.Wait(); close(done) }()
	for {
		select {
		case v := <-c:
			trace = trace*17 + v
		case <-done:
			return fmt.Sprint(trace, runtime.NumGoroutine())
		}
	}
}

func recovered(n int) (out string) {
	defer func() { out = fmt.Sprint(recover()) }()
	var list []int
	return fmt.Sprint(list[n])
}

func nilMap(n int) string {
	var m map[int]int
	m[n] = n
	return ""
}

func deadlock(int) string {
	select {}
}

func mathematics(n int) string {
	h := sha256.New()
	for i := range n {
		x := (float64(i) - float64(n)/2) * 0.37
		for _, f := range []float64{
			math.Sin(x), math.Cos(x), math.Exp(x / 10), math.Log(math.Abs(x) + 1), math.Pow(1.0001, x), math.Atan2(x, 3), math.Cbrt(x), math.Gamma(x / 20),
			math.Sqrt(x), math.FMA(x, 1.1, 0.3), x*1.1 + 0.3, math.Mod(x, 0.7), math.Inf(1) - math.Inf(1), float64(float32(x) * 1.3),
		} {
			h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(f)))
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func floats(n int) string {
	h := sha256.New()
	r := mathrand.New(mathrand.NewPCG(1, 2))
	for range n {
		f := math.Float64frombits(r.Uint64())
		s := strconv.FormatFloat(f, 'g', -1, 64)
		back, _ := strconv.ParseFloat(s, 64)
		single, _ := strconv.ParseFloat(s[:min(len(s), 9)], 32)
		fmt.Fprint(h, s, math.Float64bits(back), single)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func sorting(n int) string {
	r := mathrand.New(mathrand.NewPCG(3, 4))
	a := make([]int, n)
	for i := range a {
		a[i] = r.IntN(1000)
	}
	b := slices.Clone(a)
	sort.Slice(a, func(i, j int) bool { return a[i]%100 < a[j]%100 }) // not stable: the order is part of the answer
	slices.SortStableFunc(b, func(x, y int) int { return x%100 - y%100 })
	return fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprint(a, b))))
}

func hashing(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))
}

func bigNumbers(n int) string {
	a := big.NewInt(3)
	m := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 127), big.NewInt(1))
	for i := range n {
		a.Mul(a, a).Add(a, big.NewInt(int64(i))).Mod(a, m)
	}
	return a.String() + new(big.Int).ModInverse(a, m).String()
}

func bitCounts(n int) string {
	sum := 0
	for i := range n {
		x := uint64(i) * 0x9e3779b97f4a7c15
		small := []int8{int8(x), int8(x >> 8)}
		wide := []int16{int16(x >> 16), int16(x >> 32)}
		sum += bits.OnesCount32(uint32(small[i%2]))*3 + bits.OnesCount32(uint32(wide[i%2]))*5 + bits.OnesCount64(x)*7 + bits.LeadingZeros32(uint32(x)) + bits.TrailingZeros64(x)*11
		hi, lo := bits.Mul64(x, x)
		q, r := bits.Div64(hi%(x|1), lo, x|1)
		sum = sum*31 + int(q^r) + int(x%977) + int(uint32(x)%31) + int(int32(x)%7)
	}
	return fmt.Sprint(sum)
}

func clock(n int) string {
	began := time.Now()
	time.Sleep(time.Duration(n) * time.Millisecond)
	return fmt.Sprint(began.UnixNano(), time.Since(began))
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return fmt.Sprintf("%x %d", b, mathrand.Int64())
}

func deep(n int) string {
	if n == 0 {
		return "bottom"
	}
	var pad [40]int
	pad[n%40] = n
	return deep(n - 1)[:6] + strconv.Itoa(pad[0])[:0]
}

func huge(n int) string {
	b := make([]byte, n<<20)
	b[len(b)-1] = 1
	return fmt.Sprint(len(b))
}

func format(n int) string {
	return fmt.Sprintf("%v %+v %#v %q %8.3f %x %T", []any{n, "a", nil}, struct{ A, B int }{n, 2}, map[int]string{2: "b", 1: "a"}, "ü\n", float64(n)/7, n, marker)[:60]
}

func text(n int) string {
	s := strings.Repeat("Übung macht den Meister ", n)
	return fmt.Sprint(len(strings.Fields(strings.ToUpper(s))), strings.Count(s, "e"), strings.LastIndex(s, "den"), strings.Map(func(r rune) rune { return r + 1 }, s)[:20])
}

func bounds(n int) string {
	list := []int{1, 2, 3}
	return fmt.Sprint(list[n])
}

func divide(n int) string { return fmt.Sprint(100 / n) }

//go:wasmexport warm
func warm() { _ = fmt.Sprint(1.5, len(methods)) }

func main() {}
