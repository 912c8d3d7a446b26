package runner

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/sockharness/harness/harness/scenario"
)

// ownLimit returns an error if a conversation of ours failed because the harness, or the
// machine, has no descriptor left. The server under test is not to blame for that: its
// own shortage shows on the connection only.
func ownLimit(o scenario.Observation) error {
	for _, err := range []error{o.AfterErr, o.OtherClientErr, o.RunError} {
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			return fmt.Errorf("the harness has run out of descriptors; raise the limit with ulimit -n: %w", err)
		}
	}
	return nil
}
