package exampletest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/concordat-ledger/concordat/contracts-sdk/build"
)

// The compilers with which the figures in gas.txt were taken. Another makes another
// module, which costs other gas.
const (
	pinnedGo   = "go1.26.8"
	pinnedRust = "rustc 1.63.0"
)

// cost is what one call used.
type cost struct {
	method string
	gas    uint64
}

type costs struct{ each []cost }

func (c *costs) add(method string, gas uint64) { c.each = append(c.each, cost{method, gas}) }

// String is gas.txt: the least and the most that calls of each method in the vectors
// used, failures included.
func (c *costs) String() string {
	var methods []string
	least, most, calls := map[string]uint64{}, map[string]uint64{}, map[string]int{}
	for _, one := range c.each {
		if calls[one.method] == 0 {
			methods = append(methods, one.method)
			least[one.method] = one.gas
		}
		calls[one.method]++
		least[one.method] = min(least[one.method], one.gas)
		most[one.method] = max(most[one.method], one.gas)
	}
	slices.Sort(methods)
	var b strings.Builder
	for _, m := range methods {
		fmt.Fprintf(&b, "%s calls=%d least=%d most=%d\n", m, calls[m], least[m], most[m])
	}
	return b.String()
}

// compare requires the figures of LANGUAGE/gas.txt, of a module that is checked in or
// was built with the pinned compiler.
func (e Example) compare(t *testing.T, language string, c *costs) {
	if have := compiler(t, language); checkedIn(t, e.Dir, language) == "" && !strings.HasPrefix(have, pinned(language)) {
		t.Skipf("this is %s, the figures are of %s", have, pinned(language))
	}
	current(t, e.path(filepath.Join(language, "gas.txt")), c.String())
}

func pinned(language string) string {
	if language == "go" {
		return pinnedGo
	}
	return pinnedRust
}

func compiler(t *testing.T, language string) string {
	if language == "go" {
		return runtime.Version()
	}
	have, err := rustVersion()
	worked(t, err)
	return have
}

// rustVersion is that of the compiler that builds the examples.
var rustVersion = sync.OnceValues(func() (string, error) {
	rustc, _, err := build.RustCompiler(context.Background())
	if err != nil {
		return "no Rust compiler", nil // the figures of modules that are checked in need none
	}
	// #nosec G204 -- a compiler that was looked up
	out, err := exec.CommandContext(context.Background(), rustc, "--version").Output()
	return strings.TrimSpace(string(out)), err
})
