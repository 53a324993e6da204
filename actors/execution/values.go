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

// What bounds each of the two generations of cached values. A contract may read as much as
// it likes, and each of its records may have 60 KiB.
const (
	cacheEntriesMax = 1 << 17
	cacheBytesMax   = 64 << 20
)

// values reads the newest state: changes of blocks that are not durable, then a
// cache, then the store.
type values struct {
	store   reader
	durable ledger.Height
	fresh   map[string]value // blocks above durable
	inOrder bool             // there was a scan: fresh is kept in order, too
	sorted  ordered
	young   map[string][]byte
	old     map[string][]byte
	size    int // bytes in young
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
	if len(v.young) >= cacheEntriesMax || v.size > cacheBytesMax {
		v.young, v.old, v.size = map[string][]byte{}, v.young, 0
	}
	v.size += len(key) + len(d) - len(v.young[key])
	v.young[key] = d
}

// ordered are the changes of blocks that are not durable, in order.
func (v *values) ordered() ordered {
	if !v.inOrder {
		v.inOrder = true
		for k, f := range v.fresh {
			v.sorted = v.sorted.with(k, f.data)
		}
	}
	return v.sorted
}

// apply takes over the changes of an executed block.
func (v *values) apply(h ledger.Height, changes []state.Change) {
	for _, c := range changes {
		f := value{height: h}
		if !c.Delete {
			f.data = c.Value
		}
		v.fresh[string(c.Key)] = f
		if v.inOrder {
			v.sorted = v.sorted.with(string(c.Key), f.data)
		}
	}
}

// settle moves a block's changes to the cache: the store has them now.
func (v *values) settle(h ledger.Height, changes []state.Change) {
	v.durable = max(v.durable, h)
	for _, c := range changes {
		if f, ok := v.fresh[string(c.Key)]; ok && f.height <= h {
			delete(v.fresh, string(c.Key))
			if v.inOrder {
				v.sorted = v.sorted.without(string(c.Key))
			}
			v.cache(string(c.Key), f.data)
		}
	}
}
