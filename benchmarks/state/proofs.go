package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// proofFigure is what one form of proof costs: medians.
type proofFigure struct {
	What   string
	Sent   float64 // bytes to the reader, records included
	Verify float64 // microseconds, from these bytes
}

var spans = []int{10, 100, 1000}

// measureProofs proves present and absent keys and ranges from random keys on.
func measureProofs(p prover, n, rounds int) ([]proofFigure, error) {
	random := rand.New(rand.NewPCG(2, uint64(n)))
	one := func(beyond uint64) func() (int, func() error, error) {
		return func() (int, func() error, error) { return p.one(keyOf(random.Uint64N(uint64(n)) + beyond)) }
	}
	present, err := proofsOf("one, present", rounds, one(0))
	if err != nil {
		return nil, err
	}
	absent, err := proofsOf("one, absent", rounds, one(1<<40))
	if err != nil {
		return nil, err
	}
	out := []proofFigure{present, absent}
	for _, count := range spans {
		f, err := proofsOf(fmt.Sprintf("range of %d", count), max(rounds/10, 3), func() (int, func() error, error) {
			from := keyOf(random.Uint64N(uint64(n)))
			from[0] &= 0x7f // far enough from the end
			return p.span(from, count)
		})
		if errors.Is(err, errNoRanges) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func proofsOf(what string, rounds int, prove func() (int, func() error, error)) (proofFigure, error) {
	var sent, took []float64
	for range rounds {
		bytes, verify, err := prove()
		if err != nil {
			return proofFigure{}, fmt.Errorf("%s: %w", what, err)
		}
		begin := time.Now()
		if err := verify(); err != nil {
			return proofFigure{}, fmt.Errorf("%s does not hold: %w", what, err)
		}
		sent, took = append(sent, float64(bytes)), append(took, float64(time.Since(begin).Nanoseconds())/1e3)
	}
	return proofFigure{what, median(sent), median(took)}, nil
}
