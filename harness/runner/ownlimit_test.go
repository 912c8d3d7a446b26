package runner

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/sockharness/harness/harness/scenario"
)

func TestOwnLimit(t *testing.T) {
	ours := fmt.Errorf("client 3 of 50: %w", &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)})
	for name, o := range map[string]scenario.Observation{"fresh": {AfterErr: ours}, "others": {OtherClientErr: ours}, "act": {RunError: ours}} {
		if ownLimit(o) == nil {
			t.Errorf("%s: EMFILE of ours is held against the server", name)
		}
	}
	theirs := errors.New("no answer: reset")
	if err := ownLimit(scenario.Observation{AfterErr: theirs, OtherClientErr: theirs, RunError: theirs}); err != nil {
		t.Errorf("got %v for failures of the server", err)
	}
}
