//go:build !linux

package peer

import (
	"errors"
	"fmt"
)

// StartGuardian fails: only Linux shows the environment of other processes.
func StartGuardian(run string, folders ...string) (stop func(), err error) {
	return nil, fmt.Errorf("guardian start: %w", errors.ErrUnsupported)
}

// GuardianMain returns false: there are no guardians here.
func GuardianMain() bool { return false }
