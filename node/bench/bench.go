// Package bench loads a ledger through its client node, as applications would,
// and measures what they would see.
package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/concordat-ledger/concordat/bus/client"
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/verify"
)

// Options of a run.
type Options struct {
	Duration, Warmup  time.Duration
	Rate              float64 // tx/s; 0: closed loop
	Clients, InFlight int
	Size              int // bytes of an envelope
	Contract, Method  string
	// Args makes the arguments around so many bytes that fill up; nil: they are those bytes.
	Args func(fill []byte) ([]byte, error)
}

// Report is what was measured. Latencies are in milliseconds.
type Report struct {
	Rate      float64        `json:"rate"` // that was offered; 0: closed loop
	Seconds   float64        `json:"seconds"`
	Succeeded int64          `json:"succeeded"`
	PerSecond float64        `json:"per_second"`
	P50       float64        `json:"p50_ms"`
	P90       float64        `json:"p90_ms"`
	P99       float64        `json:"p99_ms"`
	P999      float64        `json:"p999_ms"`
	Max       float64        `json:"max_ms"`
	PerBlock  float64        `json:"transactions_per_block"`
	Bytes     int            `json:"envelope_bytes"`
	Errors    []ErrorCount   `json:"errors,omitempty"`
	Processes []ProcessUsage `json:"processes,omitempty"`
}

// ErrorCount is how often something went wrong.
type ErrorCount struct {
	Text  string `json:"text"`
	Count int64  `json:"count"`
}

// latencyMax bounds the histogram, in microseconds: two minutes.
const latencyMax = 120_000_000

type run struct {
	opt     Options
	signer  client.Signer
	args    []byte
	clients []*client.Client
	mu      sync.Mutex // guards what follows
	hist    *hdrhistogram.Histogram
	errors  map[string]int64
	blocks  map[ledger.Height]struct{}
	from    time.Time
	bytes   int
}

// Run loads the ledger and waits for the last answer.
func Run(ctx context.Context, url string, signer client.Signer, opt Options) (*Report, error) {
	if opt.Clients < 1 || opt.InFlight < 1 || opt.Duration <= 0 || opt.Rate < 0 {
		return nil, errors.New("clients, in-flight and duration must be above zero, the rate not below")
	}
	r := &run{opt: opt, signer: signer, hist: hdrhistogram.New(1, latencyMax, 3), errors: map[string]int64{}, blocks: map[ledger.Height]struct{}{}}
	shared := &verify.Cache{}
	for range opt.Clients {
		c, err := client.Connect(ctx, client.Options{URL: url, Timeout: 30 * time.Second, Name: "bench", Verified: shared})
		if err != nil {
			return nil, err
		}
		defer c.Close()
		r.clients = append(r.clients, c)
	}
	if err := r.fill(); err != nil {
		return nil, err
	}
	begun := time.Now()
	r.from = begun.Add(opt.Warmup)
	until := r.from.Add(opt.Duration)
	before := usage()
	if opt.Rate > 0 {
		r.open(ctx, until)
	} else {
		r.closed(ctx, until)
	}
	return r.report(usage().since(before)), ctx.Err()
}

// fill makes arguments with which an envelope has the size that was asked for, or
// the smallest there is.
func (r *run) fill() error {
	args := r.opt.Args
	if args == nil {
		args = func(fill []byte) ([]byte, error) { return fill, nil }
	}
	var err error
	for missing := 0; ; {
		if r.args, err = args(bytes.Repeat([]byte("x"), missing)); err != nil {
			return err
		}
		size := len(r.signer.Sign(r.clients[0].LedgerID(), client.Call{Contract: r.opt.Contract, Method: r.opt.Method, Args: r.args}))
		if size >= r.opt.Size {
			return nil
		}
		missing += max(1, r.opt.Size-size-4) // lengths grow with what they count
	}
}

// closed keeps a fixed number in flight.
func (r *run) closed(ctx context.Context, until time.Time) {
	var wg sync.WaitGroup
	for _, c := range r.clients {
		for range r.opt.InFlight {
			wg.Go(func() {
				for time.Now().Before(until) && ctx.Err() == nil {
					r.one(ctx, c, time.Now())
				}
			})
		}
	}
	wg.Wait()
}

// open sends at a fixed rate, whatever comes back. What cannot be sent because
// too much is in flight is an error, not a delay.
func (r *run) open(ctx context.Context, until time.Time) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 64*r.opt.InFlight*len(r.clients))
	begun := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		due := begun.Add(time.Duration(float64(i) / r.opt.Rate * float64(time.Second)))
		if !due.Before(until) {
			break
		}
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait) // the load's own pace
		}
		select {
		case slots <- struct{}{}:
			wg.Go(func() {
				r.one(ctx, r.clients[i%len(r.clients)], due)
				<-slots
			})
		default:
			r.fail(due, errors.New("too many in flight: the ledger does not keep up with the rate"))
		}
	}
	wg.Wait()
}

func (r *run) one(ctx context.Context, c *client.Client, due time.Time) {
	env := r.signer.Sign(c.LedgerID(), client.Call{Contract: r.opt.Contract, Method: r.opt.Method, Args: r.args})
	s, err := c.Submit(ctx, env)
	if err == nil && s.Receipt.Result.Status != ledger.StatusOK {
		err = fmt.Errorf("%s: %s", s.Receipt.Result.Status, s.Receipt.Result.Message)
	}
	if err != nil {
		r.fail(due, err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes = len(env)
	if due.Before(r.from) {
		return
	}
	_ = r.hist.RecordValue(min(time.Since(due).Microseconds(), latencyMax)) // clamped, so it fits
	r.blocks[s.Receipt.Header.Height] = struct{}{}
}

func (r *run) fail(due time.Time, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !due.Before(r.from) {
		r.errors[err.Error()]++
	}
}

func (r *run) report(used []ProcessUsage) *Report {
	ms := func(q float64) float64 { return float64(r.hist.ValueAtQuantile(q)) / 1000 }
	n := r.hist.TotalCount()
	out := &Report{Rate: r.opt.Rate, Seconds: r.opt.Duration.Seconds(), Succeeded: n, PerSecond: float64(n) / r.opt.Duration.Seconds(),
		P50: ms(50), P90: ms(90), P99: ms(99), P999: ms(99.9), Max: float64(r.hist.Max()) / 1000, Bytes: r.bytes, Processes: used}
	if len(r.blocks) > 0 {
		out.PerBlock = float64(n) / float64(len(r.blocks))
	}
	for text, count := range r.errors {
		out.Errors = append(out.Errors, ErrorCount{text, count})
	}
	sort.Slice(out.Errors, func(i, j int) bool { return out.Errors[i].Count > out.Errors[j].Count })
	return out
}
