package rig

import "github.com/sockharness/harness/harness/sock"

// SendSIGCHLD implements [scenario.Rig].
func (a *rig) SendSIGCHLD() error { return sock.ErrUnsupported }
