package tree

import "sync"

// parallelMin is how many changes a subtree must have on both sides so that they are made
// at once: by all processors, and with all pages that a large batch needs asked for
// together. The result is the same.
const parallelMin = 32

// both does two things, at once if it pays.
func both(pays bool, a, b func() (*node, error)) (left, right *node, err error) {
	if !pays {
		if left, err = a(); err == nil {
			right, err = b()
		}
		return left, right, err
	}
	var other error
	var group sync.WaitGroup
	group.Go(func() { left, other = a() })
	right, err = b()
	group.Wait()
	if other != nil {
		err = other
	}
	return left, right, err
}
