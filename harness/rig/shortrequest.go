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

// HoldShortRequest implements [scenario.Rig].
func (a *rig) HoldShortRequest(ctx context.Context, spec scenario.ShortSend) (err error) {
	for range requestTries {
		if err = a.holdShortRequest(ctx, spec); !errors.Is(err, errNothingTaken) {
			return err
		}
	}
	return err
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
	defer context.AfterFunc(ctx, func() { l.Close() })()
	defer l.Close()
	process, err := a.setup.testbed.startClient(ctx, l.Addr().String(), a.setup.options.Scenario, nil)
	if err != nil {
		return err
	}
	defer process.Close()
	defer context.AfterFunc(ctx, func() { process.KillTree() })()
	accepted, err := acceptClient(l, process)
	if err != nil {
		return err
	}
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
	return a.judgeClient(ctx, process, s)
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

// judgeClient tells how the client ended other than without the fault.
func (a *rig) judgeClient(ctx context.Context, process *peer.Process, s *shortSend) error {
	run, err := awaitClient(ctx, process, a.setup.newWait(a.setup.tc.GiveUpTimeout(), scenario.Variant{}, process.ProcessTree, process.ApproxTree).WithoutProof())
	control := a.setup.tc.Conversation
	switch {
	case err != nil:
		return err
	case run.TimedOut:
		return fmt.Errorf("%s: the client was still running after %s", s.describeAction(), run.Elapsed)
	case run.Exit.Code != control.Exit || run.Exit.Signal != 0:
		return fmt.Errorf("%s: the client %s, want exit status %d as without the fault", s.describeAction(), run.Exit, control.Exit)
	case !control.Output.EqualOutputs(run.Stdout, control.Stdout):
		return fmt.Errorf("%s: the client's output differs from the run without a fault", s.describeAction())
	}
	return nil
}
