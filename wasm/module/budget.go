package module

// Budget is what an instance may still use: gas of the current slice in its upper 44 bits,
// below zero when it is used up, and slots of the stack in its lower 20, with a bias. One
// number, so that the entry of a function takes from both at once: a function is entered
// every few nanoseconds. All prices and slots fit into an immediate of 32 bits.
type Budget uint64

const (
	gasShift  = 20
	stackBias = 1 << (gasShift - 1)
)

// GasMax is the most gas that a Budget holds.
const GasMax = 1<<(63-gasShift) - 1

// NewBudget is a budget of gas, from -GasMax to GasMax, and slots. What is beyond becomes one
// of these.
func NewBudget(gas int64, slots int32) Budget {
	gas = max(-GasMax, min(gas, GasMax))
	return Budget(uint64(gas<<gasShift) | uint64(slots+stackBias)) // #nosec G115 -- two's complement; slots are more than -stackBias
}

// Gas is what is left of the slice.
func (b Budget) Gas() int64 { return int64(b) >> gasShift } // #nosec G115 -- two's complement

// Slots is what is left of the stack.
func (b Budget) Slots() int32 { return int32(b&(1<<gasShift-1)) - stackBias } // #nosec G115 -- 20 bits

// WithGas is the budget with other gas.
func (b Budget) WithGas(gas int64) Budget { return NewBudget(gas, b.Slots()) }
