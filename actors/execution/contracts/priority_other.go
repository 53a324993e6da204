//go:build !linux

package contracts

// yielding does nothing where a thread has no priority of its own.
func yielding() {}
