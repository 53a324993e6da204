package wasm

// Witness is a State that also looks at the guest's memory when a call has ended,
// whatever its outcome, before the memory is put back. The bytes are the guest's
// own and must not be kept. Tests compare them among engines and processors, for
// there a difference shows before it reaches a result.
type Witness interface {
	State
	Memory(bytes []byte)
}

// show lets a witness look.
func (in *instance) show(state State) {
	w, ok := state.(Witness)
	if !ok {
		return
	}
	memory := in.module.Memory()
	if bytes, ok := memory.Read(0, memory.Size()); ok {
		w.Memory(bytes)
	}
}
