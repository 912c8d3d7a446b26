package rig

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
)

// A program is a process under test that an act has in its hands.
type program struct {
	process *peer.Process
	bench   *Testbed // of a server; nil for a client
}

// ServerProcess implements [scenario.ScriptRig].
func (a *rig) ServerProcess() (scenario.Process, error) {
	process, _ := a.setup.testbed.ServerProcess()
	if process == nil {
		return nil, errNotOurs
	}
	return &program{process: process, bench: a.setup.testbed}, nil
}

// endingSignals are those that end programs which do not catch them.
var endingSignals = [...]syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL, syscall.SIGABRT, syscall.SIGHUP}

// Signal implements [scenario.Process].
func (p *program) Signal(s syscall.Signal) error {
	if p.bench != nil && slices.Contains(endingSignals[:], s) {
		p.bench.expectEnd()
	}
	return p.process.SignalGroup(s)
}

// Pause implements [scenario.Process].
func (p *program) Pause(ctx context.Context) error { return pauseProcesses(ctx, p.process) }

// Resume implements [scenario.Process].
func (p *program) Resume() error { return resumeProcesses(p.process) }

// LimitDescriptors implements [scenario.Process].
func (p *program) LimitDescriptors(room int) (restore func() error, err error) {
	return limitAll(p.process.ProcessTree(), room)
}

// Usage implements [scenario.Process].
func (p *program) Usage() (probe.Usage, error) { return probe.MeasureUsage(p.process.ProcessTree()) }

// Spin implements [scenario.Process].
func (p *program) Spin(ctx context.Context, over time.Duration) (probe.Busy, error) {
	return probe.MeasureSpin(ctx, p.process.ProcessTree, over)
}

// Output implements [scenario.Process].
func (p *program) Output() ([]byte, error) {
	var all []byte
	for _, o := range []*peer.Output{p.process.Stdout(), p.process.Stderr()} {
		b, err := readOutput(o)
		if err != nil {
			return nil, fmt.Errorf("output: %w", err)
		}
		all = append(all, b...)
	}
	return all, nil
}

// Exit implements [scenario.Process].
func (p *program) Exit() (peer.Exit, bool) { return exitedServer(p.process) }

// AwaitExit implements [scenario.Process].
func (p *program) AwaitExit(ctx context.Context) (peer.Exit, error) { return p.process.WaitExit(ctx) }

// Tree implements [scenario.Process].
func (p *program) Tree() []int { return p.process.ProcessTree() }
