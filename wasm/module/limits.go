package module

// Structural limits. The largest seen in Go modules and in 53 CosmWasm binaries
// stand behind each; they exist because compile time grows with the square of
// the blocks of a function: a 360 KB module was measured to take 24.9 s.
const (
	ModuleBytesMax    = 8 << 20   // 3.4 MB, a Go contract with JSON
	FunctionsMax      = 20_000    // 2,234
	BodyBytesMax      = 128 << 10 // 68 KB
	BlocksMax         = 4_096     // in a function: 2,508
	NestingMax        = 1_024     // 549
	BranchTableMax    = 2_048     // 965
	LocalsMax         = 1_024     // with parameters: 99
	ParamsMax         = 32
	ResultsMax        = 8
	TypesMax          = 4_096
	GlobalsMax        = 1_024
	ExportsMax        = 1_024
	ImportsMax        = 256
	NameBytesMax      = 256
	DataSegmentsMax   = 100_000 // 38,613
	TableEntriesMax   = 100_000 // 6,330
	MemoryPagesMax    = 256     // of 64 KiB: 16 MiB; also the most that memory.grow reaches
	SchemaBytesMax    = 256 << 10
	CustomSectionsMax = 64
)

// The compile budget in nanoseconds, measured 2026 on amd64 with wazero 1.12.0:
// 2.2 MB of straight line took 0.8 s, 40,000 ifs in one function 24.9 s, five functions
// of 1,000 locals that live over 1,000 blocks 2.4 s, branch tables with 960,000 labels
// 2.5 s. A loop counts as three blocks: 20 functions of 1,000 nested ones took 4.1 s.
const (
	CompilePerByte         = 360
	CompilePerBlockSquared = 15
	CompilePerLocalBlock   = 500 // local and block
	CompilePerLabel        = 2_500
	CompileBudget          = 6_000_000_000
)

// Frames are bounded by one counter. A frame costs its slots (parameters, locals
// and the largest operand height), at least FrameSlotsMin; so 1,500 small frames
// fit, and no mix of large ones reaches an engine's own limit, which would be
// another one on each engine: the interpreter's is 1,999 frames, the compiler's
// was seen at 3,373 frames of 1,000 locals.
const (
	FramesMax     = 1_500
	FrameSlotsMin = 44
	StackSlots    = FramesMax * FrameSlotsMin
)
