package main

import (
	"context"
	"io"
)

// stoppable reads from what waits for somebody, such as a terminal: when ctx ends, so does
// reading. What reads behind it is then left to the end of the process.
func stoppable(ctx context.Context, from io.Reader) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{from}, make([]byte, 256<<10))
		_ = w.CloseWithError(err) // it never fails
	}()
	context.AfterFunc(ctx, func() { _ = w.CloseWithError(context.Cause(ctx)) }) // see above
	return r
}
