package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// ProcessUsage is what this process and its children used during the run. It is
// read from /proc and empty where there is none.
type ProcessUsage struct {
	Name       string  `json:"name"`
	CPUSeconds float64 `json:"cpu_seconds"`
	MiB        int64   `json:"rss_mib"`
}

type usages map[string]ProcessUsage

const ticksPerSecond = 100 // USER_HZ, the same on every Linux that Go supports

// usage reads this process and its children.
func usage() usages {
	out := usages{}
	me := os.Getpid()
	dirs, _ := filepath.Glob("/proc/[0-9]*") // none: nothing to report
	for _, dir := range dirs {
		raw, err := os.ReadFile(filepath.Join(dir, "stat")) // #nosec G304 -- /proc
		if err != nil {
			continue
		}
		text := string(raw)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if len(fields) < 22 || (pid != me && fields[1] != strconv.Itoa(me)) {
			continue
		}
		user, _ := strconv.ParseFloat(fields[11], 64)
		system, _ := strconv.ParseFloat(fields[12], 64)
		pages, _ := strconv.ParseInt(fields[21], 10, 64)
		name := "this process"
		// #nosec G304 -- /proc
		if cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline")); err == nil && pid != me {
			args := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
			name = filepath.Base(args[len(args)-1])
		}
		out[name] = ProcessUsage{Name: name, CPUSeconds: (user + system) / ticksPerSecond, MiB: pages * int64(os.Getpagesize()) >> 20}
	}
	return out
}

func (u usages) since(before usages) []ProcessUsage {
	var out []ProcessUsage
	for name, now := range u {
		now.CPUSeconds -= before[name].CPUSeconds
		now.Name = fmt.Sprint(name)
		out = append(out, now)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
