//go:build !linux

package runner

import (
	"context"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/sock"
)

func pause(context.Context, *peer.Process) error { return sock.ErrUnsupported }

func resume(*peer.Process) error { return sock.ErrUnsupported }
