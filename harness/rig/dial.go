package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// errQueueHasRoom ends a connect whose SYN the kernel has dropped: it would send it
// again after one second, then after two more (tcp(7), tcp_syn_retries).
var errQueueHasRoom = errors.New("the accept queue is no longer full")

// queueInterval is how often the accept queue is looked at while a connect is not
// answered; one that is answered takes some 50 µs.
const queueInterval = 50 * time.Millisecond

// dial connects to an address of TCP, of a unix socket or of UDP.
func dial(ctx context.Context, address string) (sock.Conn, error) {
	return dialBy(ctx, newDialer(), address)
}

// newDialer returns a dialer without keep-alive, whose first probe no wait of ours lasts for.
func newDialer() *net.Dialer { return &net.Dialer{KeepAlive: -1} }

// Dial connects to the server under test, without a proxy; Start must have returned. On TLS
// the caller reads and writes plaintext, and the first of it does the handshake. It blocks
// while the server's accept queue is full, until the context ends, and wraps what ended that,
// or context.DeadlineExceeded. The caller closes the connection.
func (b *Testbed) Dial(ctx context.Context) (sock.Conn, error) {
	_, address := b.ServerProcess()
	return b.secure(b.dialTarget(ctx, address))
}

// dialTarget is dialServer to the server under test, without options.
func (b *Testbed) dialTarget(ctx context.Context, address string) (sock.Conn, error) {
	if b.transport() == scenario.UDP && b.target.Policies.TransferPort {
		return sock.DialFollowing(ctx, strings.TrimPrefix(address, udpPrefix))
	}
	return dialServer(ctx, newDialer(), address)
}

// dialServer is dial to a server whose accept queue may be full. What the kernel
// drops then is sent again as soon as the queue has room, so that no pause of the
// kernel's counts against the server.
func dialServer(ctx context.Context, d *net.Dialer, address string) (sock.Conn, error) {
	if _, err := netip.ParseAddrPort(address); err != nil { // a unix socket, UDP, or a name
		return dialBy(ctx, d, address)
	}
	for {
		attempt, cancel := context.WithCancelCause(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if awaitDrained(attempt, address) {
				cancel(errQueueHasRoom)
			}
		}()
		conn, err := dialBy(attempt, d, address)
		again := err != nil && ctx.Err() == nil && errors.Is(context.Cause(attempt), errQueueHasRoom)
		cancel(nil)
		<-done
		if !again {
			return conn, err
		}
	}
}

// awaitDrained blocks until the accept queue at the address of this host has room though a
// connect is not answered: it was full when the SYN came, if only for a moment. It reports
// that; false when the context has ended.
func awaitDrained(ctx context.Context, address string) bool {
	for sleep.For(ctx, queueInterval) {
		all, err := sock.ListenersAt(address)
		if err != nil || len(all) == 0 {
			return false // on another host, or gone
		}
		if !slices.ContainsFunc(all, sock.Listener.QueueFull) {
			return true
		}
	}
	return false
}

// dialBy is dial with options. The error wraps the cause of the context when that has
// ended.
func dialBy(ctx context.Context, d *net.Dialer, address string) (sock.Conn, error) {
	conn, err := sock.Dial(ctx, d, address)
	if err != nil && ctx.Err() != nil {
		if cause := context.Cause(ctx); cause != context.DeadlineExceeded {
			return nil, fmt.Errorf("connect to %s: %w", address, cause)
		}
		return nil, &lateConnect{address}
	}
	return conn, err
}

// A lateConnect is a connect that was given up for time.
type lateConnect struct{ address string }

func (e *lateConnect) Error() string {
	return fmt.Sprintf("no answer to the connect to %s within the time limit", e.address)
}

func (e *lateConnect) Unwrap() error { return context.DeadlineExceeded }
