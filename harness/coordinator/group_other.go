//go:build !unix

package coordinator

import (
	"errors"
	"os"
	"os/exec"
)

func ownSession(*exec.Cmd) {}

func interruptGroup(*os.Process) error { return errors.ErrUnsupported }

func dumpProcess(*os.Process) error { return errors.ErrUnsupported }

func killGroup(p *os.Process) error { return p.Kill() }
