//go:build !linux

package peer

import (
	"errors"
	"fmt"
)

// A Guardian does not exist here.
type Guardian struct{}

// StartGuardian fails: only Linux shows the environment of other processes.
func StartGuardian(run string, folders ...string) (*Guardian, error) {
	return nil, fmt.Errorf("guardian start: %w", errors.ErrUnsupported)
}

// AwaitReady does nothing.
func (*Guardian) AwaitReady() error { return nil }

// Stop does nothing.
func (*Guardian) Stop() {}

// GuardianMain returns false: there are no guardians here.
func GuardianMain() bool { return false }
