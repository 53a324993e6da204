package module_test

import (
	"github.com/tetratelabs/wazero/api"

	"github.com/concordat-ledger/concordat/wasm/module"
)

const plentyOfGas = 1 << 40

func global(m api.Module, name string) api.MutableGlobal {
	return m.ExportedGlobal(name).(api.MutableGlobal)
}

// refuel gives an instrumented instance gas and stack for a call.
func refuel(m api.Module) {
	global(m, module.ExportBudget).Set(uint64(module.NewBudget(plentyOfGas, module.StackSlots)))
	global(m, module.ExportReserve).Set(0)
}

// spent is the gas since refuel, and the slots of the stack that are not given back.
func spent(m api.Module) (gas uint64, slots int32) {
	left := module.Budget(global(m, module.ExportBudget).Get())
	return plentyOfGas - uint64(left.Gas()), module.StackSlots - left.Slots()
}
