package contracts

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
)

// A large module takes a second to compile. So it is compiled in the background as
// soon as its deployment is first seen, and execution finds it ready: the ledger goes
// on meanwhile. It is one module at a time, on one processor, and
// there behind the ledger's own work.

// aheadMax is how many modules wait while one is compiled.
const aheadMax = 2

// prepared is a module that is to be compiled ahead.
type prepared struct {
	hash  ledger.Hash
	judge bool
	load  func() ([]byte, error)
	done  func()
}

// Prepare compiles a module in the background and then calls done, also when the
// module is refused. It reports whether it will: when enough wait already, it does not,
// and whoever needs the module compiles it then.
func (m *Modules) Prepare(code []byte, done func()) bool {
	return m.later(prepared{hash: wasm.HashCode(code), judge: true, load: func() ([]byte, error) { return code, nil }, done: done})
}

// Fetch makes the module of a deployed contract ready in the background. It reports
// whether it will.
func (m *Modules) Fetch(store Getter, record *Record) bool {
	hash, err := ledger.HashFromBytes(record.Code)
	return err == nil && m.later(prepared{hash: hash, load: func() ([]byte, error) { return Code(store, record) }})
}

func (m *Modules) later(p prepared) bool {
	select {
	case m.ahead <- p:
		return true
	default:
		return false
	}
}

// background compiles what was asked for, one after the other.
func (m *Modules) background() {
	defer m.working.Done()
	yielding()
	for {
		select {
		case <-m.stop:
			return
		case p := <-m.ahead:
			how := m.engine.CompileAccepted
			if p.judge {
				how = m.engine.Compile
			}
			_ = m.use(p.hash, how, p.load, func(*entry) {}) // whoever needs the module gets the error
			if p.done != nil {
				p.done()
			}
		}
	}
}
