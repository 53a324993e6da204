//go:build !unix

package build

import "os/exec"

// together does what can be done here: the command itself ends with its context.
func together(cmd *exec.Cmd) { cmd.WaitDelay = endTimeout }
