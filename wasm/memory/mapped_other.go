//go:build !linux

package memory

func reserveMapped(int) (Space, error) { return nil, nil }
