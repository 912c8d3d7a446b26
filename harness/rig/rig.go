package rig

import (
	"context"
	"errors"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// A rig is the rig that a variant's Act is given.
type rig struct {
	setup *variantSetup
	limit context.Context // of the act; nil: none
}

var errNotOurs = errors.New("the harness did not start the server")

// DialServer implements [scenario.Rig].
func (a *rig) DialServer(ctx context.Context) (sock.Conn, error) {
	return a.secure(a.DialWire(ctx))
}

// DialWire implements [scenario.WireRig].
func (a *rig) DialWire(ctx context.Context) (sock.Conn, error) {
	_, address := a.setup.testbed.ServerProcess()
	conn, err := a.setup.testbed.dialTarget(ctx, address)
	if err != nil || a.setup.testbed.before == nil {
		return conn, err
	}
	return tlsconn.WithOpening(conn, a.setup.testbed.sayBefore(event.Client)), nil
}

// RunConversation implements [scenario.Rig]. It takes no longer than the budget of the case.
func (a *rig) RunConversation(ctx context.Context) (dialogue.Played, error) {
	conn, err := a.DialServer(ctx)
	if err != nil {
		return dialogue.Played{}, err
	}
	defer conn.Close()
	ctx, stop := await.Wait{Budget: a.setup.tc.Budget, PIDs: a.setup.testbed.ProcessTree, ApproxPIDs: a.setup.testbed.approxTree}.Start(ctx)
	defer stop()
	return a.setup.testbed.script.PlayClient(ctx, conn, dialogue.Options{}), nil
}

// PauseServer implements [scenario.Rig].
func (a *rig) PauseServer(ctx context.Context) error {
	process, _ := a.setup.testbed.ServerProcess()
	if process == nil {
		return errNotOurs
	}
	return pauseProcesses(ctx, process)
}

// ResumeServer implements [scenario.Rig].
func (a *rig) ResumeServer() error {
	process, _ := a.setup.testbed.ServerProcess()
	if process == nil {
		return errNotOurs
	}
	return resumeProcesses(process)
}

// RestartServer implements [scenario.Rig].
func (a *rig) RestartServer(ctx context.Context) error { return a.setup.testbed.restartServer(ctx) }

// ReportStruck implements [scenario.Rig].
func (a *rig) ReportStruck(detail string) {
	a.setup.log.AddEvent(event.Event{Kind: event.Struck, Toxic: event.ByScenario, Detail: detail})
}

// WasAccepted implements [scenario.Rig].
func (a *rig) WasAccepted(conn sock.Conn) (bool, error) {
	diag, err := sock.OpenDiag()
	if err != nil {
		return false, err
	}
	defer diag.Close()
	s, err := diag.FarEnd(conn)
	return s.Inode != 0, err
}

// AwaitAccepted implements [scenario.Rig].
func (a *rig) AwaitAccepted(ctx context.Context, conn sock.Conn) (closed func(context.Context) bool, err error) {
	diag, err := sock.OpenDiag()
	if err != nil {
		return nil, err
	}
	defer diag.Close()
	if err := diag.AwaitFarAccepted(ctx, conn); err != nil {
		return nil, err
	}
	s, err := diag.FarEnd(conn)
	return func(ctx context.Context) bool { return a.awaitClosed(ctx, s.Inode) }, err
}

// awaitClosed blocks until no process of the server has the socket open, or the context
// ends, and reports which. The kernel gives no event for that to others.
func (a *rig) awaitClosed(ctx context.Context, inode uint32) bool {
	const longest = 25 * time.Millisecond
	for pause := time.Millisecond; a.holdsSocket(inode); pause = min(pause*5/4, longest) {
		if !sleep.For(ctx, pause) {
			return false
		}
	}
	return true
}

func (a *rig) holdsSocket(inode uint32) bool {
	return holdsSocket(a.setup.testbed.approxTree(), inode)
}

// holdsSocket reports whether one of the processes has the socket open.
func holdsSocket(pids []int, inode uint32) bool {
	for _, pid := range pids {
		if _, err := sock.DescriptorOf(pid, inode); err == nil {
			return true
		}
	}
	return false
}
