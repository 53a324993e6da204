package explore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"

	"github.com/concordat-ledger/concordat/actors/consensus/sbft"
	"github.com/concordat-ledger/concordat/ledger"
)

// digest names a machine's state: a hash over everything reachable in it. It reads
// fields that are not exported and changes nothing. Two machines with one digest take
// the same steps from here on.
type digest [16]byte

var (
	typeBody       = reflect.TypeFor[*ledger.Body]()
	typeViewChange = reflect.TypeFor[*sbft.ViewChange]()
	typeParams     = reflect.TypeFor[sbft.Params]()
)

// walk appends everything reachable from v.
func walk(to []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return append(to, 1)
		}
		return append(to, 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(to, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(to, v.Uint())
	case reflect.Pointer, reflect.Interface:
		return walkPointer(to, v)
	case reflect.Slice, reflect.Array:
		return walkList(to, v)
	case reflect.Map:
		return walkMap(to, v)
	case reflect.Struct:
		if v.Type() == typeParams { // they never change
			return to
		}
		for i := range v.NumField() {
			to = walk(to, v.Field(i))
		}
		return to
	case reflect.String:
		return append(binary.AppendUvarint(to, uint64(v.Len())), v.String()...)
	default:
		panic(fmt.Sprintf("a machine holds a %s", v.Kind()))
	}
}

// walkPointer takes what has a digest of its own by that.
func walkPointer(to []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(to, 0)
	}
	to = append(to, 1)
	switch v.Type() {
	case typeBody, typeViewChange:
		return walk(to, v.Elem().FieldByName("Digest"))
	}
	return walk(to, v.Elem())
}

func walkList(to []byte, v reflect.Value) []byte {
	to = binary.AppendUvarint(to, uint64(v.Len())) // #nosec G115 -- not negative
	if v.Type().Elem().Kind() == reflect.Uint8 && (v.Kind() == reflect.Slice || v.CanAddr()) {
		return append(to, v.Bytes()...)
	}
	for i := range v.Len() {
		to = walk(to, v.Index(i))
	}
	return to
}

// walkMap takes the entries in the order of their keys' bytes.
func walkMap(to []byte, v reflect.Value) []byte {
	var entries [][]byte
	for it := v.MapRange(); it.Next(); {
		entries = append(entries, walk(walk(nil, it.Key()), it.Value()))
	}
	slices.SortFunc(entries, bytes.Compare)
	to = binary.AppendUvarint(to, uint64(len(entries)))
	for _, e := range entries {
		to = append(to, e...)
	}
	return to
}
