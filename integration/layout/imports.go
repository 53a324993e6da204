package layout

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Direction finds imports against the arrows of the layout.
func Direction(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		if f.Nested {
			continue
		}
		for _, p := range f.Imports() {
			if to, ok := ours(p); ok {
				if what := against(f, to); what != "" {
					out = append(out, Finding{"direction", f.Path, what})
				}
			}
		}
	}
	return out
}

// against says what is wrong with f importing the package in folder to; "" is
// nothing.
func against(f *File, to string) string {
	from := f.Folder()
	for _, root := range unlinkable {
		if within(to, root) && !within(from, root) {
			return fmt.Sprintf("imports %s, which nobody may import", to)
		}
	}
	if f.Test || slices.ContainsFunc(unlinkable, func(r string) bool { return within(from, r) }) {
		return "" // tests and harnesses may look at everything else
	}
	if slices.Contains(testOnly, to) {
		return fmt.Sprintf("imports %s, which is for tests", to)
	}
	if from == to || matches(to, reachOf(from)) {
		return ""
	}
	return fmt.Sprintf("imports %s, against the direction of the layout", to)
}

// reachOf is the most specific entry of the table for a folder.
func reachOf(folder string) []string {
	for at := folder; ; at = path.Dir(at) {
		if allowed, ok := reach[at]; ok {
			return allowed
		}
		if path.Dir(at) == "actors" {
			return actor(path.Base(at))
		}
		if at == "." {
			return nil
		}
	}
}

// Doors finds libraries that come in elsewhere than through their door. Tests
// and harnesses are not bound by it.
func Doors(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		if f.Nested || f.Test || matches(f.Folder(), []string{"integration/...", "benchmarks/..."}) {
			continue
		}
		for _, p := range f.Imports() {
			for _, library := range slices.Sorted(maps.Keys(doors)) {
				if within(p, library) && !matches(f.Folder(), doors[library]) {
					out = append(out, Finding{"door", f.Path, fmt.Sprintf("imports %s, whose door is %s", p, named(doors[library]))})
				}
			}
		}
	}
	return out
}

func named(folders []string) string {
	if len(folders) == 0 {
		return "tests only"
	}
	return strings.Join(folders, ", ")
}

// Closure finds, among everything that a package links, what it must not carry.
// deps is the list that go list -deps gives.
func Closure(pkg string, deps []string) []Finding {
	var out []Finding
	for _, dep := range deps {
		for _, heavy := range Light[pkg] {
			if within(dep, heavy) || strings.HasPrefix(dep, heavy+"/") {
				out = append(out, Finding{"closure", pkg, "links " + dep})
			}
		}
	}
	return out
}
