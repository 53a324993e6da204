package main

import (
	"fmt"
	"io"
	"strings"
)

// write prints what was measured at one size.
func write(out io.Writer, n int, results []*result) {
	fmt.Fprintf(out, "## %d keys\n\n", n)
	fmt.Fprintln(out, "| | block p50 | p99 | Zipf p50 | p99 | CPU, Zipf | written | reads | memory | mapped | disk | start | load |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, r := range results {
		if r.skipped != "" {
			fmt.Fprintf(out, "| %s | left out: %s |\n", r.kind.name, r.skipped)
			continue
		}
		start, disk := "-", "-"
		if r.kind.stored {
			start, disk = fmt.Sprintf("%.2f s", r.restart), size(float64(r.disk))
		}
		fmt.Fprintf(out, "| %s | %.1f ms | %.1f | %.1f | %.1f | %.1f, %.1f ms | %s | %.0f | %s | %s | %s | %s | %.0f s |\n", r.kind.name,
			median(r.uniform), quantile(r.uniform, 0.99), median(r.zipf), quantile(r.zipf, 0.99), r.cpu, r.cpuZipf,
			size(r.written), r.reads, size(float64(r.own)), size(float64(r.mapped)), disk, start, r.load)
	}
	fmt.Fprintf(out, "\n| proofs | %s |\n|---|%s\n", strings.Join(proofNames(), " | "), strings.Repeat("---|", len(spans)+2))
	for _, r := range results {
		if r.proofs == nil {
			continue
		}
		row := make([]string, len(spans)+2)
		for i := range row {
			row[i] = "none"
			if i < len(r.proofs) {
				row[i] = fmt.Sprintf("%s, %s", size(r.proofs[i].Sent), micros(r.proofs[i].Verify))
			}
		}
		fmt.Fprintf(out, "| %s | %s |\n", r.kind.name, strings.Join(row, " | "))
	}
	fmt.Fprintln(out)
}

func proofNames() []string {
	out := []string{"one, present", "one, absent"}
	for _, n := range spans {
		out = append(out, fmt.Sprintf("range of %d", n))
	}
	return out
}

func size(bytes float64) string {
	for _, unit := range []string{"B", "KB", "MB"} {
		if bytes < 1000 {
			return fmt.Sprintf("%.3g %s", bytes, unit)
		}
		bytes /= 1000
	}
	return fmt.Sprintf("%.3g GB", bytes)
}

func micros(us float64) string {
	if us < 1000 {
		return fmt.Sprintf("%.0f µs", us)
	}
	return fmt.Sprintf("%.1f ms", us/1000)
}
