//go:build !linux

package rig

import (
	"context"

	"github.com/sockharness/harness/harness/sock"
)

// AwaitAsleep implements [scenario.Rig].
func (a *rig) AwaitAsleep(context.Context) error { return sock.ErrUnsupported }
