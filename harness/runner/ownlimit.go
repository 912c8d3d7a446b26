package runner

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/sockharness/harness/harness/scenario"
)

// ownLimit returns an error if a conversation failed because the harness, or the machine, has no
// descriptor left. That is no failure of the server under test: its own shortage shows on the
// connection only.
func ownLimit(o scenario.Observation) error {
	for _, err := range []error{o.AfterErr, o.OtherClientErr, o.RunError} {
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			return fmt.Errorf("the harness has run out of descriptors; raise the limit with ulimit -n: %w", err)
		}
	}
	return nil
}
