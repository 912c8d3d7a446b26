// Command harness puts a proxy between any socket client and server, injects
// faults, and says how the two behave when the stream between them misbehaves.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
)

func main() { os.Exit(run()) }

// run is main with an exit status: 0 all well, 1 verdicts, 2 usage or
// configuration, 3 the harness failed or a result is invalid, 4 nothing was
// selected, 130 interrupted.
func run() int {
	if peer.GuardianMain() {
		return outcome.ExitOK
	}
	// A reader that went away (| head) is an error of the write, not a signal. To
	// ignore the signal would be inherited by the programs under test.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	// Toxiproxy's bandwidth toxic logs JSON to stderr whenever it is interrupted.
	zerolog.SetGlobalLevel(zerolog.Disabled)
	root := newRoot()
	err := root.ExecuteContext(context.Background())
	var exit exitError
	switch {
	case err == nil:
		return outcome.ExitOK
	case errors.As(err, &exit):
		if exit.err != nil {
			fmt.Fprintln(root.ErrOrStderr(), "harness:", exit.err)
		}
		return exit.code
	}
	fmt.Fprintf(root.ErrOrStderr(), "harness: %v\nRun 'harness --help' or 'harness COMMAND --help' for usage.\n", err)
	return outcome.ExitUsage
}

// An exitError ends the command with a status, and says why if err is set.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

// usage is an error in what the user wrote: a flag or a file.
func usage(format string, args ...any) error {
	return exitError{outcome.ExitUsage, fmt.Errorf(format, args...)}
}

// broken is an error of the harness or of the machine.
func broken(format string, args ...any) error {
	return exitError{outcome.ExitHarness, fmt.Errorf(format, args...)}
}

// bare drops the program or the path from an error of the system, where the
// message names what the user wrote.
func bare(err error) error {
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

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "harness",
		Short: "Put a misbehaving network between any client and server, and see how they cope",
		Long: `harness starts (or is pointed at) a socket server or client, puts a proxy in front
of it, and plays the paths that are never tested: partial sends, half-closes,
resets, refusals. It proves that each fault struck and says what broke.

  harness run --server 'python3 server.py {port}' --send 'hello\n' --expect 'HELLO\n'
  harness run --config harness.yaml
  harness run                        # the peers compiled in: see it work`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newRun(), newScenarios(), newOracles(), newToxics(), newTargets(), newVersion(), newWorker(), newPeer())
	root.AddCommand(append(newDaemonCommands(), newServe(), newProxy())...)
	return root
}
