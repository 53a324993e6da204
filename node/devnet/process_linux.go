package devnet

import "syscall"

// processAttributes make a child a group of its own, so that a Ctrl-C reaches
// the parent alone, and let it die with the parent.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
