package rig

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// DialProxy implements [scenario.Rig].
func (a *rig) DialProxy(ctx context.Context) (sock.Conn, error) {
	if a.setup.testbed.transport() == scenario.Unix {
		return a.setup.testbed.dialNamed(ctx, a.setup.proxyAddress())
	}
	return dial(ctx, a.setup.proxyAddress())
}

// ServerUsage implements [scenario.Rig].
func (a *rig) ServerUsage() (probe.Usage, error) {
	pids := a.setup.testbed.ProcessTree()
	if len(pids) == 0 {
		return probe.Usage{}, errNotOurs
	}
	return probe.MeasureFast(pids)
}

// MeasureSpin implements [scenario.Rig].
func (a *rig) MeasureSpin(ctx context.Context, over time.Duration) (probe.Busy, error) {
	if process, _ := a.setup.testbed.ServerProcess(); process == nil {
		return probe.Busy{}, errNotOurs
	}
	return probe.MeasureSpin(ctx, a.setup.testbed.ProcessTree, over)
}

// LimitDescriptors implements [scenario.Rig].
func (a *rig) LimitDescriptors(room int) (restore func() error, err error) {
	return limitAll(a.setup.testbed.ProcessTree(), room)
}

// limitAll limits the descriptors of each of the processes.
func limitAll(pids []int, room int) (restore func() error, err error) {
	var undo []func() error
	restore = func() error {
		var all error
		for _, u := range undo {
			if err := u(); !probe.ProcessGone(err) {
				all = errors.Join(all, err)
			}
		}
		return all
	}
	if len(pids) == 0 {
		return nil, errNotOurs
	}
	for _, pid := range pids {
		u, err := limitDescriptors(pid, room)
		switch {
		case err == nil:
			undo = append(undo, u)
		case !probe.ProcessGone(err):
			return nil, errors.Join(fmt.Errorf("descriptors limit: %w", err), restore())
		}
	}
	if len(undo) == 0 {
		return nil, errNotOurs
	}
	return restore, nil
}

// TerminateServer implements [scenario.Rig].
func (a *rig) TerminateServer() error {
	if err := a.inForeground(); err != nil {
		return err
	}
	return a.setup.testbed.terminateServer()
}

// inForeground returns an error where the process that was started is over and the
// server goes on: whom to signal is known to the server alone.
func (a *rig) inForeground() error {
	process, _ := a.setup.testbed.ServerProcess()
	if process == nil {
		return nil
	}
	_, ended := exitedServer(process)
	if _, left := process.ExitStatus(); left && !ended {
		return fmt.Errorf("%w: the server runs in the background, so the harness cannot signal it; give a command that stays in the foreground",
			scenario.ErrUnsupported)
	}
	return nil
}

// AwaitExit implements [scenario.Rig].
func (a *rig) AwaitExit(ctx context.Context) (peer.Exit, error) {
	process, _ := a.setup.testbed.ServerProcess()
	if process == nil {
		return peer.Exit{}, errNotOurs
	}
	return a.awaitEnd(ctx, process)
}

// StartServer implements [scenario.Rig].
func (a *rig) StartServer(ctx context.Context) error { return a.setup.testbed.startAgain(ctx) }
