package contracts

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/wasm"
)

// A large module takes a second to compile. So it is compiled in the background as
// soon as its deployment is first seen, and execution finds it ready: the ledger goes
// on meanwhile. It is one module at a time, on one processor, and
// there behind the ledger's own work.

// aheadMax is how many deployments wait while one is compiled, and how many contracts that
// are asked for: anyone may ask, and must not take the deployments' places.
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
	return later(m.ahead, prepared{hash: wasm.HashCode(code), judge: true, load: func() ([]byte, error) { return code, nil }, done: done})
}

// Fetch makes the module of a deployed contract ready in the background. It reports
// whether it will, or whether that is under way: who asks again takes no second place.
func (m *Modules) Fetch(store Getter, record *Record) bool {
	hash, err := ledger.HashFromBytes(record.Code)
	if err != nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byHash[hash] != nil || m.fetched[hash] {
		return true
	}
	will := !m.closed && later(m.wanted, prepared{hash: hash, load: func() ([]byte, error) { return Code(store, record) }})
	if will {
		m.fetched[hash] = true
	}
	return will
}

func later(queue chan prepared, p prepared) bool {
	select {
	case queue <- p:
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
		default:
		}
		select { // deployments first
		case p := <-m.ahead:
			m.prepare(p)
			continue
		default:
		}
		select {
		case <-m.stop:
			return
		case p := <-m.ahead:
			m.prepare(p)
		case p := <-m.wanted:
			m.prepare(p)
		}
	}
}

func (m *Modules) prepare(p prepared) {
	how := m.engine.CompileAccepted
	if p.judge {
		how = m.engine.Compile
	}
	_ = m.use(p.hash, how, p.load, func(*entry) {}) // whoever needs the module gets the error
	if p.done != nil {
		p.done()
		return
	}
	m.mu.Lock()
	delete(m.fetched, p.hash)
	m.mu.Unlock()
}
