//go:build !unix

package runner

import (
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/sock"
)

func pause(*peer.Process) error { return sock.ErrUnsupported }

func resume(*peer.Process) error { return sock.ErrUnsupported }
