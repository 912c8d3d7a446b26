//go:build unix

package runner

import (
	"syscall"

	"github.com/sockharness/harness/harness/peer"
)

func pause(p *peer.Process) error { return p.Signal(syscall.SIGSTOP) }

func resume(p *peer.Process) error { return p.Signal(syscall.SIGCONT) }
