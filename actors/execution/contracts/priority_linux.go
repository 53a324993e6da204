package contracts

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// niceness of the thread that compiles: it gets a quarter of a processor that others
// want too.
const niceness = 5

// yielding gives the calling goroutine a thread of its own, which the system runs
// where others leave room. The thread ends with the goroutine. Where the system
// refuses, the goroutine runs as any other.
func yielding() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness)
}
