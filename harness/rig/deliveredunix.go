package rig

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// dialNamed connects to a unix socket from a socket that has an abstract name, where the
// system has such: the log of the proxy tells by it whose connection is whose.
func (b *Testbed) dialNamed(ctx context.Context, address string) (sock.Conn, error) {
	d := &net.Dialer{}
	if runtime.GOOS == "linux" {
		path, err := b.config.Shared.book.newPath("c")
		if err != nil {
			return nil, err
		}
		d.LocalAddr = &net.UnixAddr{Name: "@harness-" + filepath.Base(path), Net: "unix"}
	}
	return dialBy(ctx, d, address)
}

// awaitDeliveredUnix is AwaitDelivered on unix sockets. The kernel does not tell which
// connections of the proxy belong together: it waits until nothing lies unread on any of
// those that lead to the peer under test.
func (a *rig) awaitDeliveredUnix(ctx context.Context, conn net.Conn, n int64) error {
	diag, err := sock.OpenDiag()
	if err != nil {
		return err
	}
	defer diag.Close()
	d, id := event.Upstream, uint64(0)
	if a.setup.listener != nil && conn.LocalAddr().String() == a.setup.listener.Addr().String() {
		d = event.Downstream
	} else if id, err = a.connectionOf(ctx, conn); err != nil {
		return err
	}
	carried := func(e event.Event) bool {
		return e.Kind == event.Bytes && (id == 0 || e.Conn == id) && e.Direction == d && e.Offset+e.Bytes >= n
	}
	if _, err := a.setup.log.WaitEvent(ctx, carried); err != nil {
		return fmt.Errorf("the proxy has not passed all of them on: %w", err)
	}
	for {
		sent := a.hasSent(id, d, n) // before the look at what is unread
		read, err := a.allReadUnix(diag, d)
		if err != nil || sent && read {
			return err
		}
		if !sleep.For(ctx, 200*time.Microsecond) {
			return context.Cause(ctx)
		}
	}
}

// hasSent reports whether the kernel has taken n bytes of the connection from the proxy: the
// log tells of them before they are written. Of one that is over nothing more will come.
func (a *rig) hasSent(id uint64, d event.Direction, n int64) bool {
	known := false
	for _, c := range a.setup.proxy.OpenConnections() {
		if id != 0 && c.ID != id {
			continue
		}
		known = true
		if c.Traffic[d].Sent >= n {
			return true
		}
	}
	return !known
}

// connectionOf returns the number of the proxied connection of which conn is the client's end.
func (a *rig) connectionOf(ctx context.Context, conn net.Conn) (uint64, error) {
	first, err := a.setup.log.WaitEvent(ctx, func(e event.Event) bool {
		return e.Kind == event.Accept && strings.HasPrefix(e.Detail, sock.FormatAddress(conn.LocalAddr())+" to ")
	})
	if err != nil {
		return 0, fmt.Errorf("the proxy does not know the connection: %w", err)
	}
	_, err = a.setup.log.WaitEvent(ctx, func(e event.Event) bool { return e.Kind == event.Dial && e.Conn == first.Conn })
	if err != nil {
		return 0, fmt.Errorf("the proxy has not connected to the server: %w", err)
	}
	return first.Conn, nil
}

// allReadUnix reports whether the peer in direction d has read what lies in its sockets.
func (a *rig) allReadUnix(diag *sock.Diag, d event.Direction) (bool, error) {
	all, err := diag.UnixSockets()
	if err != nil {
		return false, err
	}
	unread := func(s sock.UnixSocket) bool {
		switch {
		case s.State == sock.Listen: // what waits to be accepted is not in the list
			return d == event.Upstream && "unix:"+s.Name == a.ServerAddr() && s.Unread > 0
		case s.State != sock.Established || s.Over:
			return false
		case d == event.Upstream: // the server's ends have the name of its listener
			return "unix:"+s.Name == a.ServerAddr() && s.Unread > 0
		}
		return "unix:"+s.Name == a.ProxyAddr() && s.Unsent > 0
	}
	return !slices.ContainsFunc(all, unread), nil
}
