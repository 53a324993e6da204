package module

// GasVersion names the table below. Prices are part of the protocol: a change
// is a new version, activated at a height.
const GasVersion = 1

// Prices of instructions by class, in gas. A microsecond is 10,000 gas, within a factor of
// four for compute and sequential memory; benchmarks/gas_test.go holds the table against
// time (measured in nanoseconds on amd64: add 0.29, mul 0.73, div 4.3, load 0.33, f64 add
// 0.7, div 3.3, sqrt 5.0, call 2.5, call_indirect 3.5, br_table 1.05). Chasing pointers
// through 16 MiB is the exception: there a load takes 130 ns and more, so the promise for
// any program is gas limit × 40 ns.
var prices = [classes]uint64{
	classFree:         0,
	classSimple:       1,
	classMultiply:     4,
	classDivide:       18,
	classBits:         6, // popcnt is slow on arm64
	classLoad:         8,
	classStore:        5,
	classBranch:       3,
	classBranchTable:  10,
	classCall:         12,
	classCallIndirect: 20,
	classFloat:        5, // with the NaN test
	classFloatDivide:  16,
	classFloatRoot:    24,
	classConvert:      5,
	classGlobal:       2,
	classMemorySize:   3,
	classMemoryGrow:   400,
	classBulk:         30,
}

// GasSlice is handed out at a time; between two slices the Go runtime gets hold of the
// thread. Most work does 100,000 gas in 4 to 20 µs; the slowest, which waits for memory
// with every instruction, took 68 ms to let a collection begin with slices of 2,000,000
// (measured 2026). The total is the same for any slice, so it is no part of the protocol.
const GasSlice = 100_000

// PrepaidMax is how much a charge may take for small blocks behind it that may be branched
// around: about what the charge of a block costs in time.
const PrepaidMax = 16

// Prices of what depends on a size.
const (
	GasFunctionEntry = 4 // also of a function without instructions
	GasPerGrownPage  = 1_000
	// GasPerHighPage is paid on top for every page of a growth that ends above
	// HighPages: random access to more memory than the caches hold is slow.
	GasPerHighPage = 8_000
	HighPages      = 64 // 4 MiB
	BulkBytesShift = 3  // a byte of memory.copy and memory.fill costs 1/8 gas
)

// Prices of host functions: a crossing measured 32 ns; state is a lookup in the
// overlay, seldom in the database.
const (
	GasHost       = 400 // every crossing
	GasHostByte   = 1   // every byte that crosses
	GasGet        = 2_000
	GasReadByte   = 4 // of a value that is read, whether the contract takes it or not
	GasPut        = 4_000
	GasPutByte    = 4 // of key, value and audience, for they are stored and hashed
	GasDelete     = 3_000
	GasScan       = 50_000 // an iterator over the changes and the database: 5 to 15 µs
	GasScanEntry  = 500
	GasEmit       = 2_000
	GasEmitByte   = 4 // of topic, data and audience
	GasInvoke     = 5_000
	GasReader     = 1_300  // every entry of an audience that is compared: 130 ns
	GasParty      = 25_000 // where a party is registered: a lookup and a parse, 2.4 µs
	GasHash       = 1_000
	GasHashByte   = 12
	GasLogByte    = 2
	GasVector     = 100 // every piece of text that fd_write is given: 8 ns
	GasRandomByte = 16
)

// Prices of cryptography, 10 gas a nanosecond of amd64: medians of
// BenchmarkOperations in ledger/cryptography, whose figures stand behind each.
const (
	GasSHA512           = 3_500      // 340 ns
	GasSHA512Byte       = 17         // 1.65 ns
	GasKeccak           = 3_500      // 360 ns
	GasKeccakByte       = 21         // 2.0 ns
	GasBLAKE3           = 3_000      // 300 ns
	GasBLAKE3Byte       = 39         // 3.8 ns
	GasEd25519          = 270_000    // 26.5 µs; a byte as of SHA-512
	GasP256             = 610_000    // 60.4 µs
	GasSecp256k1        = 1_300_000  // 129 µs
	GasSecp256k1Recover = 1_700_000  // 167 µs
	GasBLS              = 12_000_000 // one signature 2.0 ms, 64 of them 52 ms
	GasBLSSigner        = 8_000_000
	GasMerkle           = 11_000     // 1.1 µs
	GasMerkleHash       = 3_700      // a hash of the path, 365 ns
	GasReceipt          = 20_000_000 // 2.0 ms; a byte as of SHA-256
)
