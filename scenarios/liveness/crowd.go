package liveness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// A crowd is clients that are connected beside the one that matters.
type crowd []sock.Conn

// pace bounds the wait for a client of a crowd to be accepted before the next one
// connects, so that they do not fill the queue of a server in order.
const pace = 100 * time.Millisecond

// dialClients adds n clients that are connected and silent, one after the other as long
// as the server accepts them. The error wraps errFull where there is room for fewer.
func (c *crowd) dialClients(ctx context.Context, rig scenario.Rig, v kernelView, n int) error {
	paced := true
	for range n {
		conn, err := dialUnlessFull(ctx, rig)
		if err != nil {
			return fmt.Errorf("client %d: %w", len(*c)+1, err)
		}
		*c = append(*c, conn)
		paced = paced && v.awaitAccepted(ctx, conn, pace) == nil
	}
	return nil
}

func (c crowd) closeAll() {
	for _, conn := range c {
		conn.Close()
	}
}

// writeAll sends b on every connection.
func (c crowd) writeAll(b []byte) error {
	for _, conn := range c {
		if _, err := conn.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// A kernelView is what the kernel tells of the server's ends.
type kernelView struct{ diag *sock.Diag }

func openView() (kernelView, error) {
	diag, err := sock.OpenDiag()
	return kernelView{diag}, err
}

func (v kernelView) closeView() { v.diag.Close() }

// serverEnd returns the server's end of conn. The error is [sock.ErrNotFound] when it
// is not on this host, or gone.
func (v kernelView) serverEnd(conn sock.Conn) (sock.Socket, error) {
	return v.diag.FarEnd(conn)
}

// countAccepted counts the clients that the server has accepted, and those whose end
// it has closed.
func (v kernelView) countAccepted(c crowd) (n, gone int) {
	for _, conn := range c {
		s, err := v.serverEnd(conn)
		switch {
		case err != nil, s.State != sock.Established && s.State != sock.CloseWait && s.State != sock.SynReceived:
			gone++
		case s.Inode != 0:
			n++
		}
	}
	return n, gone
}

// awaitAccepted blocks until the server has accepted conn, for a time.
func (v kernelView) awaitAccepted(ctx context.Context, conn sock.Conn, atMost time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	return v.diag.AwaitFarAccepted(ctx, conn)
}

// awaitRead blocks until the server has read the first n bytes that were sent on
// conn, for a time.
func (v kernelView) awaitRead(ctx context.Context, conn sock.Conn, n uint64, atMost time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	return v.diag.AwaitFarRead(ctx, conn, n)
}

// letIn bounds the wait for the server to accept the first of a crowd, and to
// read from it. There are servers that let nobody in who says nothing
// (TCP_DEFER_ACCEPT), and such as look at bytes before they take them.
const letIn = 500 * time.Millisecond

// awaitFirst blocks until the server has accepted the first client and has read
// the n bytes that it sent. Others may have to wait for that one: whether they do
// is the question. It returns what the server did of that, for people.
func (v kernelView) awaitFirst(ctx context.Context, c crowd, n int) (string, error) {
	switch err := v.awaitAccepted(ctx, c[0], letIn); {
	case ctx.Err() != nil:
		return "", fmt.Errorf("accept: %w", context.Cause(ctx))
	case errors.Is(err, sock.ErrNotFound):
		return "connected", nil // to another host, or turned away
	case errors.Is(err, context.DeadlineExceeded):
		return "connected, not accepted", nil
	case err != nil:
		return "", fmt.Errorf("accept: %w", err)
	case n == 0:
		return "accepted", nil
	case v.awaitRead(ctx, c[0], uint64(n), letIn) != nil:
		return "accepted, not read from", nil
	}
	return "accepted and read from", nil
}

// awaitReleased blocks until the server has closed its ends of the crowd, which
// has closed its own.
func (v kernelView) awaitReleased(ctx context.Context, rig scenario.Rig, c crowd) error {
	held := 0
	err := pollUntil(ctx, rig, func() (bool, error) {
		held, _ = v.countAccepted(c)
		return held == 0, nil
	})
	if err != nil {
		return fmt.Errorf("the server still has %d of %s open after their clients closed them: %w", held, plural.Count(len(c), "connection"), err)
	}
	return nil
}
