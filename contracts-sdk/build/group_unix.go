//go:build unix

package build

import (
	"os/exec"
	"syscall"
)

// together starts a command in a process group of its own, all of which ends when the
// command's context does: of `go test` alone, the test that it had started would stay.
func together(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = endTimeout
}
