package shell

import (
	"fmt"
	"runtime/debug"
)

// Guard calls fn, and returns as an error what it panics with. It is for work beside an
// actor, where no supervisor would take it and the process would end.
func Guard(fn func()) (err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("%v\n%s", why, debug.Stack())
		}
	}()
	fn()
	return nil
}
