package module

// helperBodies are the bodies of the helper functions, in their order.
func (d *decoded) helperBodies() [helpers][]byte {
	return [helpers][]byte{
		helperRefill: d.refillBody(),
		helperGrow:   d.growBody(),
		helperFill:   d.fillBody(),
		helperCopy:   d.copyBody(),
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

// bulkPiece is what memory.fill and memory.copy do at a time, about 0.2 ms where memory is
// slow; between two pieces the Go runtime gets hold of the thread.
const bulkPiece = 1 << 20

// payBulk pays for as many bytes as local 2 says.
func (d *decoded) payBulk(b []byte) []byte {
	b = append(d.get(b, globalBudget), opLocalGet, 2, opI64ExtendU, opI64Const, BulkBytesShift, opI64ShrU)
	b = append(b, opI64Const, gasShift, opI64Shl, opI64Sub)
	return d.refillWhenNegative(d.set(b, globalBudget))
}

// wholeWhen ends the helper with the plain instruction, when the condition on the
// operands holds.
func wholeWhen(b []byte, instruction ...byte) []byte {
	b = append(b, opIf, blockEmpty, opLocalGet, 0, opLocalGet, 1, opLocalGet, 2)
	return append(append(b, instruction...), opReturn, opEnd)
}

// small tests whether one piece is enough.
func small(b []byte) []byte {
	return append(appendSigned(append(b, opLocalGet, 2, opI32Const), bulkPiece), opI32LeU)
}

// beyond tests whether what begins at a local ends behind the memory. Nothing may be
// written then, so the plain instruction traps.
func beyond(b []byte, local byte) []byte {
	b = append(b, opLocalGet, local, opI64ExtendU, opLocalGet, 2, opI64ExtendU, opI64Add)
	return append(b, opMemorySize, 0, opI64ExtendU, opI64Const, 16, opI64Shl, opI64GtU)
}

// step adds to a local, or takes away from it.
func step(b []byte, local byte, by int64) []byte {
	return append(appendSigned(append(b, opLocalGet, local, opI32Const), by), opI32Add, opLocalSet, local)
}

// pause passes once through the engine.
func pause(b []byte) []byte { return append(b, opI32Const, 0, opMemoryGrow, 0, opDrop) }

// again goes back to the loop's head while more than a piece is left.
func again(b []byte) []byte {
	return append(appendSigned(append(b, opLocalGet, 2, opI32Const), bulkPiece), opI32GtU, opBrIf, 0)
}

// fillBody is memory.fill of (address, value, bytes), paid, in pieces.
func (d *decoded) fillBody() []byte {
	fill := []byte{opPrefix, prefixMemoryFill, 0}
	b := wholeWhen(small(d.payBulk([]byte{0})), fill...)
	b = wholeWhen(beyond(b, 0), fill...)
	b = append(b, opLoop, blockEmpty, opLocalGet, 0, opLocalGet, 1)
	b = append(appendSigned(append(b, opI32Const), bulkPiece), fill...)
	b = again(pause(step(step(b, 0, bulkPiece), 2, -bulkPiece)))
	b = append(b, opEnd, opLocalGet, 0, opLocalGet, 1, opLocalGet, 2)
	return append(append(b, fill...), opEnd)
}

// copyBody is memory.copy of (to, from, bytes), paid, in pieces: from the front, or from
// the end where the front would overwrite what is still to be read.
func (d *decoded) copyBody() []byte {
	move := []byte{opPrefix, prefixMemoryCopy, 0, 0}
	b := wholeWhen(small(d.payBulk([]byte{0})), move...)
	b = wholeWhen(append(beyond(beyond(b, 0), 1), opI32Or), move...)
	b = append(b, opLocalGet, 0, opLocalGet, 1, opI32LeU, opIf, blockEmpty)
	b = append(b, opLoop, blockEmpty, opLocalGet, 0, opLocalGet, 1)
	b = append(appendSigned(append(b, opI32Const), bulkPiece), move...)
	b = again(pause(step(step(step(b, 0, bulkPiece), 1, bulkPiece), 2, -bulkPiece)))
	b = append(b, opEnd, opElse, opLoop, blockEmpty)
	b = step(b, 2, -bulkPiece)
	b = append(b, opLocalGet, 0, opLocalGet, 2, opI32Add, opLocalGet, 1, opLocalGet, 2, opI32Add)
	b = append(appendSigned(append(b, opI32Const), bulkPiece), move...)
	b = append(again(pause(b)), opEnd, opEnd)
	b = append(b, opLocalGet, 0, opLocalGet, 1, opLocalGet, 2)
	return append(append(b, move...), opEnd)
}
