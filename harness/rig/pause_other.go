//go:build !linux

package rig

import (
	"context"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/sock"
)

func pauseProcesses(context.Context, *peer.Process) error { return sock.ErrUnsupported }

func resumeProcesses(*peer.Process) error { return sock.ErrUnsupported }
