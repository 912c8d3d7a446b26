package runner

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
func (a *act) DialProxy(ctx context.Context) (sock.Conn, error) {
	return dial(ctx, a.stage.proxy.Addr().String())
}

// Usage implements [scenario.Rig].
func (a *act) Usage() (probe.Usage, error) {
	pids := a.bench().tree()
	if len(pids) == 0 {
		return probe.Usage{}, errNotOurs
	}
	return probe.Measure(pids)
}

// Spin implements [scenario.Rig].
func (a *act) Spin(ctx context.Context, over time.Duration) (probe.Busy, error) {
	if process, _ := a.bench().process(); process == nil {
		return probe.Busy{}, errNotOurs
	}
	return probe.Spin(ctx, a.bench().tree, over)
}

// LimitDescriptors implements [scenario.Rig].
func (a *act) LimitDescriptors(room int) (restore func() error, err error) {
	var undo []func() error
	restore = func() error {
		var all error
		for _, u := range undo {
			if err := u(); !probe.Vanished(err) {
				all = errors.Join(all, err)
			}
		}
		return all
	}
	pids := a.bench().tree()
	if len(pids) == 0 {
		return nil, errNotOurs
	}
	for _, pid := range pids {
		u, err := limitDescriptors(pid, room)
		switch {
		case err == nil:
			undo = append(undo, u)
		case !probe.Vanished(err):
			return nil, errors.Join(fmt.Errorf("descriptors limit: %w", err), restore())
		}
	}
	if len(undo) == 0 {
		return nil, errNotOurs
	}
	return restore, nil
}

// Terminate implements [scenario.Rig].
func (a *act) Terminate() error {
	if err := a.inForeground(); err != nil {
		return err
	}
	return a.bench().terminate()
}

// inForeground returns an error where the process that was started is over and the
// server goes on: whom to signal is known to the server alone.
func (a *act) inForeground() error {
	process, _ := a.bench().process()
	if process == nil {
		return nil
	}
	_, ended := over(process)
	if _, left := process.Exit(); left && !ended {
		return fmt.Errorf("%w: the server has gone into the background, where nobody knows whom to signal: give a command that stays in the foreground",
			scenario.ErrUnsupported)
	}
	return nil
}

// AwaitExit implements [scenario.Rig].
func (a *act) AwaitExit(ctx context.Context) (peer.Exit, error) {
	process, _ := a.bench().process()
	if process == nil {
		return peer.Exit{}, errNotOurs
	}
	return a.ended(ctx, process)
}

// Start implements [scenario.Rig].
func (a *act) Start(ctx context.Context) error { return a.bench().startAgain(ctx) }
