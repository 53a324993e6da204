package contracts

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/concordat-ledger/concordat/ledger"
	"github.com/concordat-ledger/concordat/ledger/state"
)

// Keys of the state. A contract's own keys begin with "c/NAME/"; names hold no
// slash, so no contract reaches another's.
const (
	recordPrefix = "s/contract/"
	codePrefix   = "s/code/"
	ownPrefix    = "c/"
)

// ChunkBytes is the size of the pieces in which the state holds a module.
const ChunkBytes = 60 << 10

// Record is what the state says about a deployed contract.
type Record struct {
	Name         string          `json:"name"`
	Code         ledger.HexBytes `json:"code"`  // SHA-256 of the module
	Bytes        int             `json:"bytes"` // of the module
	Deployer     ledger.Party    `json:"deployer"`
	Organisation string          `json:"organisation"`
	Height       ledger.Height   `json:"height"`             // of the deployment
	Upgrades     int             `json:"upgrades,omitempty"` // how often the module was replaced
	Upgraded     ledger.Height   `json:"upgraded,omitempty"` // height of the last time
	Before       ledger.HexBytes `json:"before,omitempty"`   // SHA-256 of the module before that
}

// RecordKey is where a contract's record stands.
func RecordKey(name string) []byte { return []byte(recordPrefix + name) }

// RecordRange bounds the keys of all records.
func RecordRange() (from, to []byte) { return []byte(recordPrefix), []byte(afterSlash(recordPrefix)) }

// CodeKey is where a piece of a module stands.
func CodeKey(hash ledger.Hash, piece int) []byte {
	return fmt.Appendf(nil, "%s%s/%04d", codePrefix, hash, piece)
}

// IsCode tells whether a piece of a module stands at a key.
func IsCode(key []byte) bool { return strings.HasPrefix(string(key), codePrefix) }

// Key is where a contract's key stands.
func Key(contract string, key []byte) []byte {
	b := make([]byte, 0, len(ownPrefix)+len(contract)+1+len(key))
	b = append(b, ownPrefix...)
	b = append(b, contract...)
	b = append(b, '/')
	return append(b, key...)
}

// keyRange bounds a scan within a contract's keys.
func keyRange(contract string, from, to []byte) ([]byte, []byte) {
	if to == nil {
		return Key(contract, from), []byte(afterSlash(ownPrefix + contract + "/"))
	}
	return Key(contract, from), Key(contract, to)
}

// afterSlash is the first key behind all that begin with a prefix ending in "/".
func afterSlash(prefix string) string { return strings.TrimSuffix(prefix, "/") + "0" }

// encode is the record in the state; encoding/json writes struct fields in their
// order, so equal records give equal bytes.
func (r *Record) encode(from state.Provenance) ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the record of contract %s: %w", r.Name, err)
	}
	return state.EncodeRecord(nil, from, b), nil
}

// ParseRecord reads a record as the state holds it.
func ParseRecord(raw []byte) (*Record, error) {
	v, err := state.RecordValue(raw)
	if err != nil {
		return nil, err
	}
	var r Record
	if err := json.Unmarshal(v, &r); err != nil {
		return nil, fmt.Errorf("read a contract's record: %w", err)
	}
	return &r, nil
}

// Find reads a contract's record; nil when it is not deployed.
func Find(store Getter, name string) (*Record, error) {
	raw, err := store.Get(RecordKey(name))
	if err != nil || raw == nil {
		return nil, err
	}
	return ParseRecord(raw)
}

// Getter reads records of the state; nil when absent.
type Getter interface {
	Get(key []byte) ([]byte, error)
}

// Save writes a contract's record and its module in pieces.
func Save(store Store, r *Record, from state.Provenance, code []byte) error {
	b, err := r.encode(from)
	if err != nil {
		return err
	}
	store.Set(RecordKey(r.Name), b)
	hash, err := ledger.HashFromBytes(r.Code)
	if err != nil {
		return err
	}
	for i := 0; len(code) > 0; i++ {
		n := min(ChunkBytes, len(code))
		store.Set(CodeKey(hash, i), state.EncodeRecord(nil, from, code[:n]))
		code = code[n:]
	}
	return nil
}

// Code reads a module's bytes.
func Code(store Getter, r *Record) ([]byte, error) {
	hash, err := ledger.HashFromBytes(r.Code)
	if err != nil {
		return nil, err
	}
	code := make([]byte, 0, r.Bytes)
	for i := 0; len(code) < r.Bytes; i++ {
		raw, err := store.Get(CodeKey(hash, i))
		if err != nil {
			return nil, err
		}
		piece, err := state.RecordValue(raw)
		if err != nil || len(piece) == 0 {
			return nil, fmt.Errorf("piece %d of the module of contract %s is missing from the state", i, r.Name)
		}
		code = append(code, piece...)
	}
	return code, nil
}
