package peer

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/stacktrace"
)

// An Exit is how a process ended.
type Exit struct {
	Code    int            // exit status; -1 when a signal ended it
	Signal  syscall.Signal // 0 when it exited by itself
	Killed  bool           // it was still running when Stop, Kill or Close was called
	Elapsed time.Duration  // from start to end
	CPU     time.Duration  // user and system, of the process and of the children that it waited for
}

// String returns "exited with status 2" or "ended by signal: killed (by the harness)".
func (e Exit) String() string {
	s := fmt.Sprintf("exited with status %d", e.Code)
	if e.Signal != 0 {
		s = "ended by signal: " + e.Signal.String()
	}
	if e.Killed {
		s += " (by the harness)"
	}
	return s
}

// Success reports whether the process exited with status 0.
func (e Exit) Success() bool { return e.Code == 0 && e.Signal == 0 }

var (
	errNoAddress = errors.New("the command contains {port} or {addr}, and no address is known")
	errNoPath    = errors.New("the command contains {path}, and no path is known")
	errEmpty     = errors.New("the command is empty")
)

// An Error is why a process could not be started or did not end.
type Error struct {
	Op      string  // "server" or "client"
	Command Command // the command that did not run
	Exit    *Exit   // how it ended, when it did
	Stderr  string  // the end of its stderr (of stdout, when stderr is empty), at most 4 KiB
	Err     error   // why
}

// Error returns one line: role, command, reason, and the line of the output that
// names the cause.
func (e *Error) Error() string {
	s := e.Op + " " + e.Command.String() + ": " + e.Err.Error()
	if line := stacktrace.Cause(e.Stderr); line != "" {
		s += ": " + line
	}
	return s
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// notStarted strips what os/exec says about its own function names.
func notStarted(err error) error {
	var lookup *exec.Error
	if errors.As(err, &lookup) {
		return lookup.Err
	}
	return err
}
