//go:build !unix

package coordinator

import (
	"errors"
	"os"
	"os/exec"
)

func ownSession(*exec.Cmd) {}

const givesFiles = false

func closeOnExec(int) {}

func interruptGroup(*os.Process) error { return errors.ErrUnsupported }

func dumpProcess(*os.Process) error { return errors.ErrUnsupported }

func killGroup(p *os.Process) error { return p.Kill() }
