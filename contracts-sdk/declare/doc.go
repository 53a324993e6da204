// Package declare is what a contract declares about itself, whatever language its
// sources are in: methods, messages, events and errors, with their comments.
//
// In: what package generate read from Go sources, or the custom section that the
// macros of the Rust SDK write. Out: the schema that goes into the module. Of the
// same contract in both languages the schemas are equal.
package declare
