package module

// helperBodies are the bodies of the helper functions, in their order.
func (d *decoded) helperBodies() [helpers][]byte {
	return [helpers][]byte{
		helperRefill: d.refillBody(),
		helperGrow:   d.growBody(),
		helperBulk:   d.bulkBody(),
	}
}

// refillBody moves slices from the reserve to the gas until it is not negative, or
// traps; then it passes once through the engine, so that the Go runtime can stop
// this thread: compiled code cannot be preempted, and one long call would hold up
// the garbage collection of the whole process.
func (d *decoded) refillBody() []byte {
	b := []byte{1, 1, I64, opLoop, blockEmpty} // one local: the slice
	b = append(d.get(b, globalReserve), opI64Eqz, opIf, blockEmpty, opUnreachable, opEnd)
	b = append(appendSigned(append(d.get(b, globalReserve), opI64Const), GasSlice), opI64LtU)
	b = append(b, opIf, I64)
	b = d.get(b, globalReserve)
	b = appendSigned(append(b, opElse, opI64Const), GasSlice)
	b = append(b, opEnd, opLocalSet, 0)
	b = append(d.get(b, globalReserve), opLocalGet, 0, opI64Sub)
	b = d.set(b, globalReserve)
	b = append(d.get(b, globalBudget), opLocalGet, 0, opI64Const, gasShift, opI64Shl, opI64Add)
	b = d.set(b, globalBudget)
	b = append(d.get(b, globalBudget), opI64Const, 0, opI64LtS, opBrIf, 0, opEnd)
	return append(b, opI32Const, 0, opMemoryGrow, 0, opDrop, opEnd)
}

// growBody grows the memory by local 0 pages. What cannot succeed costs nothing
// more; pages that end above HighPages cost more, for random access to a large
// memory is slow.
func (d *decoded) growBody() []byte {
	most := int64(d.pagesMax)
	b := []byte{1, 1, I64} // local 1: the price
	// pages > most or pages + size > most: no room
	b = append(b, opLocalGet, 0)
	b = append(appendSigned(append(b, opI32Const), most), opI32GtU)
	b = append(b, opLocalGet, 0, opMemorySize, 0, opI32Add)
	b = append(appendSigned(append(b, opI32Const), most), opI32GtU)
	b = append(b, opI32Or, opIf, blockEmpty, opI32Const, 0x7f, opReturn, opEnd)
	// price = pages * GasPerGrownPage
	b = append(b, opLocalGet, 0, opI64ExtendU)
	b = append(appendSigned(append(b, opI64Const), GasPerGrownPage), opI64Mul, opLocalSet, 1)
	// size + pages > HighPages: add GasPerHighPage for each page of this growth
	b = append(b, opLocalGet, 0, opMemorySize, 0, opI32Add)
	b = append(appendSigned(append(b, opI32Const), HighPages), opI32GtU, opIf, blockEmpty)
	b = append(b, opLocalGet, 1, opLocalGet, 0, opI64ExtendU)
	b = append(appendSigned(append(b, opI64Const), GasPerHighPage), opI64Mul, opI64Add, opLocalSet, 1, opEnd)
	b = append(d.get(b, globalBudget), opLocalGet, 1, opI64Const, gasShift, opI64Shl, opI64Sub)
	b = d.refillWhenNegative(d.set(b, globalBudget))
	return append(b, opLocalGet, 0, opMemoryGrow, 0, opEnd)
}

// bulkBody pays for local 0 bytes and returns local 0.
func (d *decoded) bulkBody() []byte {
	b := []byte{0}
	b = append(d.get(b, globalBudget), opLocalGet, 0, opI64ExtendU, opI64Const, BulkBytesShift, opI64ShrU)
	b = append(b, opI64Const, gasShift, opI64Shl, opI64Sub)
	b = d.refillWhenNegative(d.set(b, globalBudget))
	return append(b, opLocalGet, 0, opEnd)
}
