package runner

import "github.com/sockharness/harness/harness/sock"

// Nudge implements [scenario.Rig].
func (a *act) Nudge() error { return sock.ErrUnsupported }
