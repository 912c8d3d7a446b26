// Package cli is what all verbs of the command share and nothing else: exit
// statuses, the terminal, tables, signals, completion, addresses.
//
//	return cli.UsageErrorf("--sweep %d: want 2 or more", n)   // exit status 2
//	return cli.HarnessErrorf("job write: %w", err)            // exit status 3
package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"

	"github.com/sockharness/harness/harness/outcome"
)

// An ExitError ends the command with a status, and says why if Err is set. Without
// Err the command has printed what there is to say.
type ExitError struct {
	Code int   // exit status, one of package outcome's
	Err  error // for people, or nil
}

// Error implements error.
func (e ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns Err.
func (e ExitError) Unwrap() error { return e.Err }

// UsageErrorf is an error in what the user wrote: a flag or a file.
func UsageErrorf(format string, args ...any) error {
	return ExitError{Code: outcome.ExitUsage, Err: fmt.Errorf(format, args...)}
}

// HarnessErrorf is an error of the harness or of the machine.
func HarnessErrorf(format string, args ...any) error {
	return ExitError{Code: outcome.ExitHarness, Err: fmt.Errorf(format, args...)}
}

// UnderlyingOSError drops the program or the path from an error of the system,
// where the message names what the user wrote.
func UnderlyingOSError(err error) error {
	var lookup *exec.Error
	if errors.As(err, &lookup) {
		err = lookup.Err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err
}
