package sock

import (
	"context"
	"fmt"
	"net"
	"syscall"
)

// ResetConn closes c so that the peer sees a reset and not an end of file: linger 0
// and close, RFC 9293 section 3.10.4. What the peer's kernel has not
// acknowledged is lost; what it has, the peer can still read on Linux. Wait for
// [OutQueue] zero, or [Diag.AwaitConsumed], before.
//
// A unix socket is reset by closing it while input is unread; without unread
// input the peer sees an end of file and the error is [ErrUnsupported]. In any
// case c is closed.
func ResetConn(c net.Conn) error {
	if l, ok := c.(interface{ SetLinger(sec int) error }); ok {
		if err := l.SetLinger(0); err != nil {
			_ = c.Close()
			return fmt.Errorf("connection reset: %w", err)
		}
		return c.Close()
	}
	unread := 0
	if s, ok := c.(syscall.Conn); ok {
		unread, _ = InQueue(s)
	}
	if err := c.Close(); err != nil {
		return fmt.Errorf("connection reset: %w", err)
	}
	if unread == 0 {
		return fmt.Errorf("connection reset: %w", ErrUnsupported)
	}
	return nil
}

// AwaitReset blocks until the peer has reset the connection, also when its FIN
// was read before and a read says no more than EOF. It needs no polling. It
// takes nothing from the connection: a later read or write gets the error.
//
// The error is io.EOF when both sides have ended in order, so that no reset can
// come, or when a write that failed has taken the error already;
// [net.ErrClosed] when c is closed here; the context's error when it ends
// first. Nobody may read from c meanwhile; its read deadline is
// taken away.
func AwaitReset(ctx context.Context, c Conn) error { return awaitReset(ctx, c) }

// WatchReset is [AwaitReset] for a caller who ends the wait by c's read deadline,
// so that it costs neither a context nor a goroutine. The error is
// [os.ErrDeadlineExceeded] then.
func WatchReset(c Conn) error { return watchReset(c) }
