package rig

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
)

// DialRefused implements [scenario.ScriptRig].
func (a *rig) DialRefused(ctx context.Context) (sock.Conn, error) {
	if a.setup.proxy.Mode() != proxy.Accept {
		return a.DialProxy(ctx)
	}
	return a.DialServer(ctx)
}

// AwaitDelivered implements [scenario.ScriptRig].
func (a *rig) AwaitDelivered(ctx context.Context, conn net.Conn, n int64) error {
	if _, unix := conn.LocalAddr().(*net.UnixAddr); unix {
		return a.awaitDeliveredUnix(ctx, conn, n)
	}
	l, err := a.awaitLeg(ctx, conn)
	if err != nil {
		return err
	}
	diag, err := sock.OpenDiag()
	if err != nil {
		return err
	}
	defer diag.Close()
	carried := func(e event.Event) bool {
		return e.Kind == event.Bytes && e.Conn == l.conn && e.Direction == l.direction && e.Offset+e.Bytes >= n
	}
	if _, err := a.setup.log.WaitEvent(ctx, carried); err != nil {
		return fmt.Errorf("the proxy has not passed all of them on: %w", err)
	}
	return diag.AwaitConsumed(ctx, l.receiver, l.sender, uint64(n))
}

// A proxyLeg is the half of a proxied connection behind the proxy, seen from one of its
// ends.
type proxyLeg struct {
	conn             uint64
	direction        event.Direction // toward the receiver
	sender, receiver netip.AddrPort
}

// awaitLeg blocks until the proxy has connected both halves of the connection of
// which conn is one end: that of a client, or that of the listener of the act.
func (a *rig) awaitLeg(ctx context.Context, conn net.Conn) (proxyLeg, error) {
	local, remote := conn.LocalAddr().String(), conn.RemoteAddr().String()
	first, err := a.setup.log.WaitEvent(ctx, func(e event.Event) bool {
		return e.Kind == event.Accept && e.Detail == local+" to "+remote || e.Kind == event.Dial && e.Detail == remote+" to "+local
	})
	if err != nil {
		return proxyLeg{}, fmt.Errorf("the proxy does not know the connection: %w", err)
	}
	direction, other := event.Upstream, event.Dial
	if first.Kind == event.Dial {
		direction, other = event.Downstream, event.Accept
	}
	second, err := a.setup.log.WaitEvent(ctx, func(e event.Event) bool { return e.Kind == other && e.Conn == first.Conn })
	if err != nil {
		return proxyLeg{}, fmt.Errorf("the proxy has not connected to the server: %w", err)
	}
	from, to, _ := strings.Cut(second.Detail, " to ")
	if direction == event.Downstream {
		from, to = to, from
	}
	l := proxyLeg{conn: first.Conn, direction: direction}
	if l.sender, err = netip.ParseAddrPort(from); err == nil {
		l.receiver, err = netip.ParseAddrPort(to)
	}
	if err != nil {
		return proxyLeg{}, fmt.Errorf("the proxy could not connect to the server: %s", second.Detail)
	}
	return l, nil
}
