package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// requestTries is roomTries where each try costs a process.
const requestTries = 2

// HoldShortRequest implements [scenario.Rig]. Where the send buffer cannot be filled at the right
// time, the send itself is answered.
func (a *rig) HoldShortRequest(ctx context.Context, spec scenario.ShortSend) (err error) {
	if !a.canFillBefore(spec) {
		return a.answerShortRequest(ctx, spec)
	}
	for range requestTries {
		if err = a.holdShortRequest(ctx, spec); !errors.Is(err, errNothingTaken) {
			break
		}
	}
	if errors.Is(err, errNothingTaken) {
		return a.answerShortRequest(ctx, spec)
	}
	return err
}

// canFillBefore reports whether the client's send buffer can be filled from outside before its
// request: that follows a reply, on a socket of TCP that only the kernel writes to.
func (a *rig) canFillBefore(spec scenario.ShortSend) bool {
	script := a.setup.testbed.script
	return !spec.Interrupted && a.setup.testbed.transport() == scenario.TCP && script != nil && scenario.FollowsReply(script, spec.Exchange)
}

func (a *rig) holdShortRequest(ctx context.Context, spec scenario.ShortSend) error {
	script := a.setup.testbed.script
	if script == nil {
		return errNoDialogue
	}
	config := net.ListenConfig{Control: func(network, address string, c syscall.RawConn) error {
		return sock.LimitWindow(network, address, c, hook.SocketLimits{ReceiveBuffer: 1, SegmentSize: 536})
	}}
	config.SetMultipathTCP(false)
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", "0"))
	if err != nil {
		return err
	}
	process, accepted, stop, err := a.admitClient(ctx, l, ClientOptions{Address: l.Addr().String()})
	if err != nil {
		return err
	}
	defer stop()
	held := &heldConn{Conn: accepted}
	s := &shortSend{ShortSend: spec, rig: a, conn: held, pids: process.ProcessTree, client: true, sender: "client", message: "request"}
	watched, cancel := context.WithCancel(ctx)
	defer cancel()
	played := script.PlayServer(watched, held, dialogue.Options{BeforeReply: func(i int) error {
		if i != spec.Exchange-1 {
			return nil
		}
		return s.leaveRoom(watched)
	}})
	cancel()
	if err := s.judgeSend(ctx, played, len(script.Steps)); err != nil {
		return err
	}
	return a.judgeClient(ctx, process, s.describeAction())
}

// admitClient runs the client against a listener of ours and accepts its connection. When the context
// ends, so does the client. stop ends both, and closes the listener.
func (a *rig) admitClient(ctx context.Context, l net.Listener, o ClientOptions) (process *peer.Process, conn sock.Conn, stop func(), err error) {
	o.Scenario = a.setup.options.Scenario
	if process, err = a.setup.testbed.startClient(ctx, o); err != nil {
		l.Close()
		return nil, nil, nil, err
	}
	leave := context.AfterFunc(ctx, func() { l.Close(); process.KillTree() })
	end := func() { leave(); process.Close(); l.Close() }
	if conn, err = acceptClient(l, process); err != nil {
		end()
		return nil, nil, nil, err
	}
	return process, conn, func() { conn.Close(); end() }, nil
}

// acceptClient accepts the connection of a client, which may end without one.
func acceptClient(l net.Listener, process *peer.Process) (sock.Conn, error) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-process.ExitedChan():
			l.Close()
		case <-over:
		}
	}()
	conn, err := l.Accept()
	close(over)
	<-done
	if err != nil {
		return nil, fmt.Errorf("the client did not connect: %w", err)
	}
	return conn.(sock.Conn), nil
}

// judgeClient tells how the client ended other than without the fault, after what was done.
func (a *rig) judgeClient(ctx context.Context, process *peer.Process, after string) error {
	run, err := awaitClient(ctx, process, a.setup.newWait(a.setup.tc.GiveUpTimeout(), scenario.Variant{}, process.ProcessTree, process.ApproxTree).WithoutProof())
	control := a.setup.tc.Conversation
	switch {
	case err != nil:
		return err
	case run.TimedOut:
		return fmt.Errorf("%s: the client was still running after %s", after, run.Elapsed)
	case run.Exit.Code != control.Exit || run.Exit.Signal != 0:
		return fmt.Errorf("%s: the client %s, want exit status %d as without the fault", after, run.Exit, control.Exit)
	case !control.Output.EqualOutputs(run.Stdout, control.Stdout):
		return fmt.Errorf("%s: the client's output differs from the run without a fault", after)
	}
	return nil
}
