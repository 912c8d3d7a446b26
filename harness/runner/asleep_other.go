//go:build !linux

package runner

import (
	"context"

	"github.com/sockharness/harness/harness/sock"
)

// AwaitAsleep implements [scenario.Rig].
func (a *rig) AwaitAsleep(context.Context) error { return sock.ErrUnsupported }
