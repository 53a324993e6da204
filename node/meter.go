package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/concordat-ledger/concordat/node/audit"
)

// Nothing is shown of what takes less than meterDelay. A terminal's line is written
// anew, a file gets a line now and then.
const (
	meterDelay    = time.Second
	meterTerminal = 500 * time.Millisecond
	meterFile     = 5 * time.Second
)

// meter shows how far reading a ledger has come.
type meter struct {
	to          io.Writer
	terminal    bool
	start, last time.Time
	first       *audit.Progress // where the run began
}

// newMeter returns what shows progress, nil when nobody would see it, and what wipes the
// terminal's line in the end.
func newMeter(to io.Writer, always bool) (show func(audit.Progress), end func()) {
	m := &meter{to: to, terminal: isTerminal(to), start: time.Now()}
	if !m.terminal && !always {
		return nil, func() {}
	}
	return m.show, m.end
}

func (m *meter) end() {
	if m.terminal && !m.last.IsZero() {
		_, _ = fmt.Fprint(m.to, "\r\x1b[K") // for people: nothing depends on it
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (m *meter) show(p audit.Progress) {
	if m.first == nil {
		m.first = &p
	}
	now, every := time.Now(), meterFile
	if m.terminal {
		every = meterTerminal
	}
	if now.Sub(m.start) < meterDelay || now.Sub(m.last) < every {
		return
	}
	m.last = now
	line := m.line(p, now.Sub(m.start))
	if m.terminal {
		_, _ = fmt.Fprintf(m.to, "\r%s\x1b[K", line) // for people: nothing depends on it
		return
	}
	_, _ = fmt.Fprintln(m.to, line)
}

func (m *meter) line(p audit.Progress, took time.Duration) string {
	line := fmt.Sprintf("block %d, %.0f tx/s", p.Height, float64(p.Transactions-m.first.Transactions)/took.Seconds())
	if p.Records > 0 {
		line = fmt.Sprintf("block %d, %d records", p.Height, p.Records)
	}
	if p.Total == 0 || p.Done == 0 || p.Done >= p.Total || p.Done == m.first.Done {
		return line
	}
	left := time.Duration(float64(took) * float64(p.Total-p.Done) / float64(p.Done-m.first.Done))
	return fmt.Sprintf("%s, %.0f %%, %s left", line, 100*float64(p.Done)/float64(p.Total), left.Round(time.Second))
}
