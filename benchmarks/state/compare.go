package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// result of one structure at one size.
type result struct {
	kind    kind
	skipped string

	load            float64 // seconds
	uniform, zipf   []float64
	cpu, cpuZipf    float64 // ms a block
	written         float64 // bytes a block
	reads           float64 // a block
	own, mapped     uint64
	disk            int64
	restart         float64 // seconds from nothing in memory to the root
	proofs          []proofFigure
	process         *process
	before, between used
	readsAll        uint64
}

// run measures all structures at each size and prints tables as it goes.
func (p *plan) run(ctx context.Context, out, progress io.Writer) error {
	fmt.Fprintf(out, "%d keys a block, %d-byte keys, %d-byte values, %d rounds of %d blocks\n\n", blockKeys, keyBytes, valueBytes, p.rounds, p.blocks)
	loads := map[string]float64{} // seconds a key
	for _, n := range p.counts {
		results := make([]*result, len(p.kinds))
		for i, k := range p.kinds {
			results[i] = &result{kind: k, skipped: p.leftOut(k, n, loads[k.name])}
		}
		if err := p.size(ctx, n, results, progress); err != nil {
			return err
		}
		for _, r := range results {
			if r.skipped == "" {
				loads[r.kind.name] = r.load / float64(n)
			}
		}
		write(out, n, results)
	}
	return nil
}

func (p *plan) leftOut(k kind, n int, perKey float64) string {
	if k.most > 0 && n > k.most {
		return k.why
	}
	if took := time.Duration(perKey * float64(n) * float64(time.Second)); took > p.loadLimit {
		return fmt.Sprintf("loading would take about %s", took.Round(time.Minute))
	}
	return ""
}

// size measures all structures at one size.
func (p *plan) size(ctx context.Context, n int, results []*result, progress io.Writer) error {
	defer func() {
		for _, r := range results {
			if r.process != nil {
				r.process.kill()
			}
			_ = os.RemoveAll(p.folder(r.kind, n))
		}
	}()
	each := func(what string, do func(r *result) error) error {
		for _, r := range results {
			if r.skipped != "" {
				continue
			}
			begin := time.Now()
			if err := do(r); err != nil {
				return fmt.Errorf("%s with %d keys, %s: %w", r.kind.name, n, what, err)
			}
			fmt.Fprintf(progress, "%s %d keys, %s, %s: %.1f s\n", time.Now().Format(time.TimeOnly), n, r.kind.name, what, time.Since(begin).Seconds())
		}
		return nil
	}
	steps := []struct {
		what string
		do   func(r *result) error
	}{
		{"load", func(r *result) error { return p.load(ctx, r, n) }},
		{"open", func(r *result) error { return p.open(ctx, r, n) }},
	}
	for i := range p.rounds {
		steps = append(steps, struct {
			what string
			do   func(r *result) error
		}{fmt.Sprintf("round %d", i+1), func(r *result) error { return p.round(r, false) }})
	}
	steps = append(steps, struct {
		what string
		do   func(r *result) error
	}{"end of rounds", p.after})
	for range p.zipf {
		steps = append(steps, struct {
			what string
			do   func(r *result) error
		}{"Zipf", func(r *result) error { return p.round(r, true) }})
	}
	steps = append(steps, struct {
		what string
		do   func(r *result) error
	}{"proofs and restart", func(r *result) error { return p.finish(ctx, r, n) }})
	for _, s := range steps {
		if err := each(s.what, s.do); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) folder(k kind, n int) string {
	return filepath.Join(p.dir, fmt.Sprintf("%s-%d", k.name, n))
}

// load fills a store in a process that ends; without a store it stays.
func (p *plan) load(ctx context.Context, r *result, n int) (err error) {
	dir := p.folder(r.kind, n)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if r.process, err = startProcess(ctx, r.kind, dir, n); err != nil {
		return err
	}
	if _, err := r.process.ask(order{Do: "open"}); err != nil {
		return err
	}
	a, err := r.process.ask(order{Do: "load"})
	if err != nil {
		return err
	}
	r.load = a.Seconds
	if !r.kind.stored {
		return nil
	}
	if _, err := r.process.ask(order{Do: "quiet"}); err != nil {
		return err
	}
	_, err = r.process.end()
	r.process = nil
	return err
}

func (p *plan) open(ctx context.Context, r *result, n int) (err error) {
	if r.kind.stored {
		if r.process, err = startProcess(ctx, r.kind, p.folder(r.kind, n), n); err != nil {
			return err
		}
		if _, err := r.process.ask(order{Do: "open"}); err != nil {
			return err
		}
	}
	if _, err := r.process.ask(order{Do: "blocks", Count: r.kind.warmup}); err != nil {
		return err
	}
	a, err := r.process.ask(order{Do: "quiet"})
	r.before = a.Used
	return err
}

func (p *plan) round(r *result, zipf bool) error {
	a, err := r.process.ask(order{Do: "blocks", Count: p.blocks, Zipf: zipf})
	if err != nil {
		return err
	}
	r.own, r.mapped = max(r.own, a.Used.Own), max(r.mapped, a.Used.Mapped)
	if zipf {
		r.zipf = append(r.zipf, a.Millis...)
		r.cpuZipf = (a.Used.CPU - r.between.CPU) * 1e3 / float64(len(r.zipf))
		return nil
	}
	r.uniform = append(r.uniform, a.Millis...)
	r.readsAll += a.Reads
	return nil
}

// after takes stock once the background has done what the rounds left to it.
func (p *plan) after(r *result) error {
	a, err := r.process.ask(order{Do: "quiet"})
	if err != nil {
		return err
	}
	blocks := float64(max(len(r.uniform), 1))
	r.between = a.Used
	r.cpu = (a.Used.CPU - r.before.CPU) * 1e3 / blocks
	r.written = float64(a.Used.Written-r.before.Written) / blocks
	r.reads = float64(r.readsAll) / blocks
	return nil
}

// finish measures proofs, and a start from the disk with as much to do as there may be.
func (p *plan) finish(ctx context.Context, r *result, n int) error {
	a, err := r.process.ask(order{Do: "proofs", Count: 50})
	if err != nil {
		return err
	}
	r.proofs = a.Proofs
	for _, o := range []order{{Do: "hold"}, {Do: "blocks", Count: flushEvery/blockKeys - 1}} {
		if _, err := r.process.ask(o); err != nil {
			return err
		}
	}
	last, err := r.process.end()
	r.process = nil
	if err != nil || !r.kind.stored {
		return err
	}
	dir := p.folder(r.kind, n)
	if r.disk, err = diskBytes(dir); err != nil {
		return err
	}
	var took []float64
	for range 3 {
		if err := forget(dir); err != nil {
			return err
		}
		if r.process, err = startProcess(ctx, r.kind, dir, n); err != nil {
			return err
		}
		a, err := r.process.ask(order{Do: "open"})
		if err == nil && a.Root != last.Root {
			err = fmt.Errorf("the root is %s, it was %s", a.Root, last.Root)
		}
		if err != nil {
			return err
		}
		took = append(took, a.Seconds)
		if _, err := r.process.end(); err != nil {
			return err
		}
		r.process = nil
	}
	r.restart = median(took)
	return nil
}
