package execution

import (
	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// value of a key; a nil data means that it was deleted.
type value struct {
	data   []byte
	height ledger.Height
}

// cacheEntriesMax bounds each of the two generations of cached values.
const cacheEntriesMax = 1 << 17

// values reads the newest state: changes of blocks that are not durable, then a
// cache, then the store.
type values struct {
	store   reader
	durable ledger.Height
	fresh   map[string]value // blocks above durable
	young   map[string][]byte
	old     map[string][]byte
}

func newValues(store reader, durable ledger.Height) *values {
	return &values{store: store, durable: durable, fresh: map[string]value{}, young: map[string][]byte{}}
}

// get returns nil when the key is absent. An error is local: this replica cannot
// read its store, and must not answer.
func (v *values) get(key []byte) ([]byte, error) {
	if f, ok := v.fresh[string(key)]; ok {
		return f.data, nil
	}
	if d, ok := v.young[string(key)]; ok {
		return d, nil
	}
	if d, ok := v.old[string(key)]; ok {
		v.cache(string(key), d)
		return d, nil
	}
	d, found, err := v.store.Get(key, v.durable)
	if err != nil {
		return nil, err
	}
	if !found {
		d = nil
	} else if d == nil {
		d = []byte{}
	}
	v.cache(string(key), d)
	return d, nil
}

func (v *values) cache(key string, d []byte) {
	if len(v.young) >= cacheEntriesMax {
		v.young, v.old = map[string][]byte{}, v.young
	}
	v.young[key] = d
}

// apply takes over the changes of an executed block.
func (v *values) apply(h ledger.Height, changes []state.Change) {
	for _, c := range changes {
		if c.Delete {
			v.fresh[string(c.Key)] = value{height: h}
		} else {
			v.fresh[string(c.Key)] = value{data: c.Value, height: h}
		}
	}
}

// settle moves a block's changes to the cache: the store has them now.
func (v *values) settle(h ledger.Height, changes []state.Change) {
	v.durable = max(v.durable, h)
	for _, c := range changes {
		if f, ok := v.fresh[string(c.Key)]; ok && f.height <= h {
			delete(v.fresh, string(c.Key))
			v.cache(string(c.Key), f.data)
		}
	}
}
