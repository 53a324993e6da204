package layout

// Machines are the pure rule-makers: they import ledger/... and nothing else of
// the project, and the purity scan covers them.
var Machines = []string{
	"actors/admission/pool",
	"actors/catchup/transfer",
	"actors/consensus/ballot",
	"actors/consensus/collector",
	"actors/consensus/sbft",
	"actors/execution/schedule",
}

// pureTrees are pure as a whole. ledger is what machines are made of; the
// module checker and the schema decide what every replica must decide alike.
var pureTrees = []string{"ledger", "wasm/module", "wasm/schema"}

// Folders are the only ones at the top level. bin and target are build output,
// ignored by git.
var Folders = []string{
	".ci", ".git", ".github", "actors", "benchmarks", "bin", "bus", "contracts-sdk", "deploy", "docs",
	"integration", "ledger", "node", "target", "wasm",
}

// reach says what packages below a folder may import of the project besides
// their own. The most specific entry holds; "x/..." is x and below, "x" is x
// alone. A folder below actors without an entry is an actor with its machines;
// any other folder without an entry may import nothing of ours.
var reach = map[string][]string{
	"ledger":                     {"ledger/..."},
	"bus":                        {"ledger/..."},
	"bus/server":                 {"bus", "ledger/..."},
	"bus/link":                   {"bus", "bus/server", "ledger/..."}, // listens on the own server
	"bus/client":                 {"bus", "ledger/..."},
	"wasm":                       {"wasm/...", "ledger/..."},
	"wasm/module":                {"ledger/..."},
	"wasm/schema":                {"ledger/..."},
	"actors/shell":               {"ledger/..."},
	"actors/actorspb":            {"ledger/..."},
	"actors/execution":           actor("execution", "wasm/..."), // runs contracts
	"actors/gateway":             actor("gateway", "bus/...", "wasm/schema"),
	"actors/replica":             {"actors/...", "bus/...", "wasm/...", "ledger/..."},
	"contracts-sdk":              {"contracts-sdk/...", "wasm/...", "ledger/..."},
	"node":                       {"node/...", "actors/...", "bus/...", "wasm/...", "contracts-sdk/...", "ledger/..."},
	"integration":                {"..."},
	"benchmarks":                 {"..."},
	".ci":                        {},
	"actors/admission/pool":      {"ledger/..."},
	"actors/catchup/transfer":    {"ledger/..."},
	"actors/consensus/ballot":    {"ledger/..."},
	"actors/consensus/collector": {"ledger/..."},
	"actors/consensus/sbft":      {"ledger/..."},
	"actors/execution/schedule":  {"ledger/..."},
}

// actor is the reach of one actor: the shell, the messages, its own machines.
func actor(name string, more ...string) []string {
	return append([]string{"actors/shell", "actors/actorspb", "actors/" + name + "/...", "ledger/..."}, more...)
}

// unlinkable is imported by nobody but itself, tests included: attacks and
// measurements must be impossible to link into the product.
var unlinkable = []string{"integration", "benchmarks"}

// testOnly may be imported only by tests and by what is unlinkable.
var testOnly = []string{"ledger/state/reference", "ledger/verify/sample", "actors/storage/votelog/memfs"}

// Light is what a client program must not be made to carry, by package that
// clients link. Prefixes of import paths.
var Light = map[string][]string{
	"bus/client": {
		Module + "/bus/server", Module + "/bus/link", Module + "/actors", Module + "/wasm",
		"github.com/nats-io/nats-server", "github.com/dgraph-io/badger", "github.com/tetratelabs/wazero",
		"github.com/asynkron/protoactor-go",
	},
}

// doors says which folders may import a library; prefixes of import paths.
// "x/..." is x and below. Tests may import what they need, but see testLibraries.
var doors = map[string][]string{
	"github.com/asynkron/protoactor-go":   {"actors/shell", "bus/link"},
	"github.com/nats-io/nats-server":      {"bus/server"},
	"github.com/nats-io/nats.go":          {"bus/server", "bus/link", "bus/client"},
	"github.com/dgraph-io/badger":         {"actors/storage"},
	"github.com/tetratelabs/wazero":       {"wasm/..."},
	"github.com/cloudflare/circl":         {"ledger/certificate"},
	"github.com/decred/dcrd":              {"ledger/cryptography"},
	"github.com/spf13/cobra":              {"node"},
	"github.com/prometheus/client_golang": {"actors/...", "bus/...", "node/..."}, // each actor's metrics stand beside it
	"go.opentelemetry.io/otel":            {"actors/shell", "bus/...", "actors/gateway", "node/..."},
	"filippo.io/age":                      {"node/archive"},
	"github.com/consensys/gnark-crypto":   {},
	"pgregory.net/rapid":                  {},
	"github.com/stretchr/testify":         {},
}

// Where code of the product may stop a panic, and where it may leave the type
// system. "x/..." is x and below.
var (
	recovers = []string{"actors/shell", "wasm/...", "actors/storage"} // one actor's failure domain; the boundary to the engine's host calls; to damaged tables, over which Badger panics
	unsafes  = []string{"wasm/memory"}                                // the guest's mapped memory
)

// Sizes: one idea a file, one screen a function.
const (
	FileBytesMedian  = 4 << 10  // aim, reported
	FileBytesP90     = 12 << 10 // aim, reported
	FileBytesMax     = 24 << 10
	FunctionLinesMax = 70 // from the line of func to the line of its closing brace
)

// matches says whether folder is named by one of the patterns.
func matches(folder string, patterns []string) bool {
	for _, p := range patterns {
		root, below := cutDots(p)
		if p == "..." || folder == root || below && within(folder, root) {
			return true
		}
	}
	return false
}

func cutDots(pattern string) (root string, below bool) {
	const dots = "/..."
	if len(pattern) > len(dots) && pattern[len(pattern)-len(dots):] == dots {
		return pattern[:len(pattern)-len(dots)], true
	}
	return pattern, false
}
