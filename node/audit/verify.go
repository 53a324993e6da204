package audit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/verify/chain"
)

// Progress is how far reading has come.
type Progress struct {
	Height                ledger.Height
	Transactions, Records uint64
	Done, Total           uint64 // of the source
}

func (p *Progress) tell(src Source, to func(Progress)) {
	if to == nil {
		return
	}
	p.Done, p.Total = src.Done()
	to(*p)
}

// Options of a check.
type Options struct {
	Workers  int // cores that check, at least 1
	Progress func(Progress)
	Kept     *Kept             // how far an earlier run came; nil: begin at the beginning
	Keep     func(*Kept) error // called every KeepEvery blocks, and when the run is interrupted
	// KeepEvery is a number of blocks; 0 means KeepEveryDefault.
	KeepEvery uint64
}

// KeepEveryDefault is some seconds' worth of small blocks.
const KeepEveryDefault = 4096

// Blocks go through the workers in groups of at most groupBlocks; a group is full when it
// has groupBytes.
const (
	groupBlocks = 32
	groupBytes  = 1 << 20
)

// job is a group of blocks on its way through the workers, or an error in its place.
type job struct {
	blocks  []*chain.Block
	at      []Position
	size    int
	checked []*chain.Checked
	err     error
	done    chan struct{} // closed when checked and err are set

	read, total uint64 // of the source, when the last of the blocks was read
}

func (j *job) add(b *Block) {
	j.blocks, j.at, j.size = append(j.blocks, &b.Block), append(j.at, b.At), j.size+b.Size()
}

func (j *job) full() bool { return len(j.blocks) == groupBlocks || j.size >= groupBytes }

// verification is one run. Reading, checking and putting together go on at the same
// time; what is under way is bounded by the order queue.
type verification struct {
	rules *chain.Rules
	src   Source
	opt   Options
	chain *chain.Chain
	order chan *job // as read
	work  chan *job // to be checked
	since uint64    // blocks since the last Keep
	at    Position  // of the newest block that was added
}

// Verify checks all that a source has. Errors: *chain.Fault when the ledger does not
// verify, what wraps ErrUnreadable when it could not be read, ctx's.
func Verify(ctx context.Context, rules *chain.Rules, src Source, opt Options) (*chain.Summary, error) {
	opt.Workers = max(opt.Workers, 1)
	if opt.KeepEvery == 0 {
		opt.KeepEvery = KeepEveryDefault
	}
	v := &verification{rules: rules, src: src, opt: opt, order: make(chan *job, opt.Workers+1), work: make(chan *job)}
	if err := v.begin(); err != nil {
		return nil, err
	}
	s, err := v.run(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, errors.Join(context.Cause(ctx), v.keep()) // both: whoever goes on must know whether it was kept
	}
	return s, err
}

func (v *verification) run(ctx context.Context) (*chain.Summary, error) {
	if err := v.blocks(ctx); err != nil {
		return nil, err
	}
	at, next, err := v.src.State()
	if err != nil {
		return nil, err
	}
	if err := v.chain.State(at, v.counted(ctx, next)); err != nil {
		return nil, err
	}
	s, err := v.chain.Finish()
	if err != nil {
		return nil, err
	}
	return s, v.src.Finish(s)
}

// begin starts at the first block, or behind the one that an earlier run came to.
func (v *verification) begin() error {
	var err error
	if v.opt.Kept == nil {
		v.chain, err = v.rules.Chain(v.src.Begin())
		return err
	}
	k := v.opt.Kept
	first, _ := v.src.Begin()
	switch {
	case k.Mark.Ledger != v.rules.Ledger():
		return unreadable("the progress file is of ledger %s, not of %s; remove it to check from the beginning", k.Mark.Ledger.Short(), v.rules.Ledger().Short())
	case k.Mark.First != first:
		return unreadable("what was kept began at block %d, this begins at block %d; remove the progress file to check from the beginning", k.Mark.First, first)
	}
	b, err := v.src.Again(k.At)
	if err == nil {
		v.at = k.At
		v.chain, err = v.rules.Resume(&k.Mark, &b.Block)
	}
	return another(k.At.Height, err)
}

// another says of what is wrong with the block that an earlier run came to that it is no
// longer that one. This is no verdict, whatever it is: a file that was written anew has
// other things at the same place. Checked from the beginning, it gets one.
func another(h ledger.Height, err error) error {
	switch {
	case err == nil:
		return nil
	case chain.IsFault(err) || errors.Is(err, chain.ErrMark):
		return unreadable("go on after block %d: this is not what was checked before; remove the progress file to check from the beginning: %v", h, err)
	}
	return fmt.Errorf("go on after block %d: %w", h, err)
}

// blocks runs the pipeline to the end of the blocks, and leaves nothing running.
func (v *verification) blocks(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	links := v.chain.Links()
	all.Go(func() { v.read(ctx, links) })
	for range v.opt.Workers {
		all.Go(func() {
			for j := range v.work {
				j.checked, j.err = v.rules.CheckAll(rand.Reader, j.blocks)
				j.blocks = nil
				close(j.done)
			}
		})
	}
	p := Progress{}
	for j := range v.order {
		select {
		case <-j.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := v.take(ctx, j, &p); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// take adds the blocks of a job that hold.
func (v *verification) take(ctx context.Context, j *job, p *Progress) error {
	p.Done, p.Total = j.read, j.total
	for i, k := range j.checked {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := v.add(k, j.at[i]); err != nil {
			return err
		}
		p.Height, p.Transactions = k.Header.Height, p.Transactions+uint64(k.Header.TxCount)
		if v.opt.Progress != nil {
			v.opt.Progress(*p)
		}
	}
	return j.err
}

// read gives the workers one group of blocks after the other. An error takes its place
// in the order: blocks before it are judged first.
func (v *verification) read(ctx context.Context, links *chain.Links) {
	defer close(v.order)
	defer close(v.work)
	group := &job{}
	for {
		b, err := v.src.Next()
		if errors.Is(err, io.EOF) {
			v.send(ctx, group)
			return
		}
		switch {
		case err == nil:
			err = links.Next(&b.Block)
		case b != nil:
			err = v.closer(links, &b.Block, err)
		}
		if err != nil {
			_ = v.send(ctx, group) && v.send(ctx, &job{err: err})
			return
		}
		if group.add(b); !group.full() {
			continue
		}
		if !v.send(ctx, group) {
			return
		}
		group = &job{}
	}
}

// send queues a job; false when the run is over.
func (v *verification) send(ctx context.Context, j *job) bool {
	if len(j.blocks) == 0 && j.err == nil {
		return true
	}
	j.done = make(chan struct{})
	j.read, j.total = v.src.Done()
	if j.err != nil {
		close(j.done)
	}
	select {
	case v.order <- j:
	case <-ctx.Done():
		return false
	}
	if j.err != nil {
		return true
	}
	select {
	case v.work <- j:
		return true
	case <-ctx.Done():
		return false
	}
}

// closer looks into a block whose checksum is wrong: what is in it may tell which part
// of it changed.
func (v *verification) closer(links *chain.Links, b *chain.Block, damage error) error {
	err := links.Next(b)
	if err == nil {
		_, err = v.rules.Check(b)
	}
	var f *chain.Fault
	if !errors.As(err, &f) || f.Part == chain.PartBlock {
		return damage
	}
	var known *chain.Fault
	if errors.As(damage, &known) {
		f.Reason = fmt.Errorf("%w: %w", known.Reason, f.Reason)
	}
	return f
}

func (v *verification) add(k *chain.Checked, at Position) error {
	if err := v.chain.Add(k); err != nil {
		return err
	}
	v.at = at
	if v.since++; v.since < v.opt.KeepEvery {
		return nil
	}
	return v.keep()
}

// keep tells how far the run has come.
func (v *verification) keep() error {
	if v.opt.Keep == nil || v.at.Height == 0 {
		return nil
	}
	v.since = 0
	return v.opt.Keep(&Kept{Mark: v.chain.Mark(), At: v.at})
}

// counted looks after progress and interruption while the records go by.
func (v *verification) counted(ctx context.Context, next chain.Record) chain.Record {
	m := v.chain.Mark()
	p := Progress{Height: m.Height, Transactions: m.Counts.Transactions}
	return func() (key, record []byte, ok bool, err error) {
		if err := ctx.Err(); err != nil {
			return nil, nil, false, err
		}
		p.Records++
		if p.Records%1024 == 1 {
			p.tell(v.src, v.opt.Progress)
		}
		return next()
	}
}
