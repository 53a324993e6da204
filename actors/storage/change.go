package storage

// Change is one write to the state.
type Change struct {
	Key, Value []byte
	Delete     bool
}
