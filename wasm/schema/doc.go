// Package schema translates between a contract's canonical bytes and JSON.
//
// In: the schema that a module carries in its custom section concordat_schema,
// and arguments as a JSON object or as name=value pairs, or bytes of arguments,
// outputs and events. Out: the one byte form of those arguments, or JSON. Both
// directions are strict: what does not fit is an error that says what is missing.
//
// The byte form is a subset of protobuf: fields in ascending order of their tags,
// each at most once, defaults left out, varints in their shortest form. An amount
// is a byte string, big-endian, without leading zeros, of at most 16 bytes.
//
// A field of a type of the contract's own holds that type's byte form. A repeated
// field of numbers is their varints one after another, as one byte string; any
// other repeated field stands once for each value, which may then be empty. Types
// refer only to those before them, so none holds itself.
package schema
