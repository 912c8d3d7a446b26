package rig

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// leaveRoom fills the send buffer of the server's socket. What becomes of its next send is
// awaited in a goroutine that ends with reads going on, and closes done.
func (s *shortSend) leaveRoom(ctx context.Context) error {
	s.conn.holdReads()
	var pid, fd, filled, full int
	var err error
	for range socketLooks { // a server that forks closes its own descriptor
		if pid, fd, err = farSocket(ctx, s.conn.Conn, s.pids); err == nil {
			filled, full, err = s.fillSendBuffer(ctx, pid, fd)
		}
		if !errors.Is(err, sock.ErrNotFound) || filled > 0 || !sleep.For(ctx, sendInterval) {
			break
		}
	}
	if errors.Is(err, sock.ErrNotFound) {
		err = fmt.Errorf("%w: no process of the %s has its end of the connection: %w", scenario.ErrUnsupported, s.sender, err)
	}
	if err != nil {
		s.err = err
		s.conn.releaseReads(filled)
		return err
	}
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		s.err = s.awaitTaken(ctx, pid, fd, full)
		s.conn.releaseReads(filled)
	}()
	return nil
}

// fillSendBuffer fills the send buffer but for the room, and returns with how many bytes, and how
// many are in it when the room is used up.
func (s *shortSend) fillSendBuffer(ctx context.Context, pid, fd int) (filled, full int, err error) {
	for queued := 1; queued > 0; {
		if queued, _, err = sock.SendQueueOf(pid, fd); err != nil {
			return 0, 0, err
		}
		if err := s.conn.takeArrived(); err != nil {
			return 0, 0, err
		}
		if queued > 0 && !sleep.For(ctx, sendInterval) {
			return 0, 0, context.Cause(ctx)
		}
	}
	if filled, err = sock.LeaveSendRoom(ctx, pid, fd, s.Room); err != nil {
		return filled, 0, err
	}
	queued, _, err := sock.SendQueueOf(pid, fd)
	return filled, queued + s.Room, err
}

// farSocket finds the end of a connection that one of the processes has: which process, and its
// descriptor.
func farSocket(ctx context.Context, conn sock.Conn, pids func() []int) (pid, fd int, err error) {
	diag, err := sock.OpenDiag()
	if err != nil {
		return 0, 0, err
	}
	defer diag.Close()
	if err := diag.AwaitFarAccepted(ctx, conn); err != nil {
		return 0, 0, err
	}
	far, err := diag.FarEnd(conn)
	if err != nil {
		return 0, 0, err
	}
	for _, pid := range slices.Backward(pids()) { // a child before the one that it was forked from
		if fd, err := sock.DescriptorOf(pid, far.Inode); err == nil {
			return pid, fd, nil
		}
	}
	return 0, 0, sock.ErrNotFound
}

// awaitTaken blocks until the room is used up, and interrupts the send where that is
// wanted.
func (s *shortSend) awaitTaken(ctx context.Context, pid, fd, full int) error {
	limit := time.Now().Add(max(sendPatience, 4*s.rig.setup.testbed.conversation.Took))
	if s.client { // its time limit may be no longer than its work takes
		limit = time.Now().Add(sendPatience + s.rig.setup.testbed.conversation.Took)
	}
	for {
		queued, blocks, err := sock.SendQueueOf(pid, fd)
		if errors.Is(err, sock.ErrNotFound) {
			if other, at, found := farSocket(ctx, s.conn.Conn, s.pids); found == nil {
				pid, fd, queued, err = other, at, 0, nil
			}
		}
		switch {
		case errors.Is(err, sock.ErrNotFound) && s.Interrupted:
			return fmt.Errorf("%w: the server closes the connection before its send is interrupted", scenario.ErrUnsupported)
		case errors.Is(err, sock.ErrNotFound) && s.client: // it may have waited for more room, and given up
			return fmt.Errorf("%w: the %s closes the connection as long as there is room for %s only", scenario.ErrUnsupported, s.sender, plural.Count(s.Room, "byte"))
		case errors.Is(err, sock.ErrNotFound): // what it owes is missing
			s.rig.ReportStruck(fmt.Sprintf("the %s closed the connection when its send buffer had room for %s of a %s: %s", s.sender, plural.Count(s.Room, "byte"), s.message, roomMechanism))
			return nil
		case err != nil:
			return err
		case queued >= full:
			return s.reportStrike(ctx, blocks)
		case time.Now().After(limit):
			return fmt.Errorf("%w: the %s: %w as long as there is room for %s only", scenario.ErrUnsupported, s.sender, errNothingTaken, plural.Count(s.Room, "byte"))
		}
		if !sleep.For(ctx, sendInterval) {
			return nil
		}
	}
}

// reportStrike reports the short send. One on a socket that blocks is not short yet.
func (s *shortSend) reportStrike(ctx context.Context, blocks bool) error {
	mechanism := roomMechanism
	switch {
	case blocks && !s.Interrupted:
		return fmt.Errorf("%w: the %s's socket blocks, so its send() is short only if a signal interrupts it; see partialsend/interrupted-send", scenario.ErrUnsupported, s.sender)
	case !blocks && s.Interrupted:
		return fmt.Errorf("%w: the server's socket does not block, so there is no send to interrupt; see partialsend/short-write", scenario.ErrUnsupported)
	case blocks:
		if err := errors.Join(s.rig.AwaitAsleep(ctx), s.rig.PauseServer(ctx), s.rig.ResumeServer()); err != nil {
			return err
		}
		mechanism += ", and the send interrupted (SIGSTOP, SIGCONT)"
	}
	s.rig.ReportStruck(fmt.Sprintf("a send of the %s took %s of a %s: %s", s.sender, plural.Count(s.Room, "byte"), s.message, mechanism))
	return nil
}
