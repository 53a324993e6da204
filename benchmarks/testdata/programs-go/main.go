// Programs whose metering is measured; each returns something that depends on all its work.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"sort"
	"strconv"
)

//go:wasmexport concordat_abi_1
func marker() {}

//go:wasmexport call
func call() int32 { return 0 }

//go:wasmexport sha256
func sha(n int32) int64 {
	sum := [32]byte{1}
	for range n {
		sum = sha256.Sum256(sum[:])
	}
	return int64(sum[0])
}

//go:wasmexport fib
func fib(n int32) int64 {
	if n < 2 {
		return int64(n)
	}
	return fib(n-1) + fib(n-2)
}

//go:wasmexport sorting
func sorting(n int32) int64 {
	list := make([]uint32, n)
	x := uint32(7)
	for i := range list {
		x = x*1664525 + 1013904223
		list[i] = x
	}
	sort.Slice(list, func(i, j int) bool { return list[i] < list[j] })
	return int64(list[n/2])
}

type payment struct {
	From, To string
	Amount   uint64
	Memo     string
}

//go:wasmexport objects
func objects(n int32) int64 {
	total := 0
	for i := range n {
		b, _ := json.Marshal(payment{"alice@org0", "bob@org1", uint64(i), "lunch " + strconv.Itoa(int(i))})
		var p payment
		_ = json.Unmarshal(b, &p)
		total += len(b) + int(p.Amount)
	}
	return int64(total)
}

//go:wasmexport maps
func maps(n int32) int64 {
	m := map[string]int{}
	for i := range n {
		m[strconv.Itoa(int(i%512))] += int(i)
	}
	return int64(m["7"])
}

//go:wasmexport mandelbrot
func mandelbrot(n int32) int64 {
	inside := int64(0)
	for y := range n {
		for x := range n {
			cr, ci := 3*float64(x)/float64(n)-2, 2*float64(y)/float64(n)-1
			zr, zi := 0.0, 0.0
			for i := 0; ; i++ {
				zr, zi = zr*zr-zi*zi+cr, 2*zr*zi+ci
				if zr*zr+zi*zi > 4 {
					break
				}
				if i == 50 {
					inside++
					break
				}
			}
		}
	}
	return inside
}

func main() {}
