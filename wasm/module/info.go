package module

// ABI is the name of the interface, and of the module that contracts import.
const ABI = "concordat_1"

// WASI is the name of the second module that contracts may import from.
const WASI = "wasi_snapshot_preview1"

// Names of exports that have a meaning.
const (
	ExportMemory     = "memory"
	ExportCall       = "call"                // () → i32; 0 is success
	ExportInitialize = "_initialize"         // () → (), optional
	ExportWarm       = "warm"                // () → (), optional, before the snapshot
	ExportMarker     = "concordat_abi_1"     // a function or a global
	ExportReentrant  = "concordat_reentrant" // a function or a global, optional: it may be entered while it is in a call
)

// ReservedPrefix begins the names of exports that the instrumenter adds.
const ReservedPrefix = "__concordat_"

// Names of exports that the instrumenter adds. Mutable globals of the module
// are exported as ExportGlobal with their index, so that a reset restores them.
const (
	ExportBudget  = ReservedPrefix + "budget"  // i64: a Budget
	ExportReserve = ReservedPrefix + "reserve" // i64: gas that is not yet handed out
	ExportGlobal  = ReservedPrefix + "global"  // + decimal index
)

// SchemaSection is the custom section that holds the contract's schema.
const SchemaSection = "concordat_schema"

// Info is what a checked module says about itself, with its sizes.
type Info struct {
	Schema         []byte // custom section concordat_schema, nil without one
	Imports        []string
	Exports        []string
	Marker         bool // exports ExportMarker; always true for what Check accepts
	Initialize     bool
	Reentrant      bool // exports ExportReentrant
	Warm           bool
	MutableGlobals []string // names under which Instrument exports them

	Bytes            int
	Functions        int // defined in the module
	CodeBytes        int
	BodyBytesLargest int
	BlocksLargest    int
	DataSegments     int
	MemoryPagesMin   uint32
	MemoryPagesMax   uint32 // declared after instrumentation
	CompileCost      uint64 // of CompileBudget

	InstrumentedBytes int // 0 after Check
	ChargePoints      int // 0 after Check
}
