package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

// dialBound limits a check whose context has no deadline.
const dialBound = 5 * time.Second

// An Address is a peer that somebody else started.
type Address struct {
	Network string // "tcp" (also ""), "tcp4", "tcp6" or "unix"
	Addr    string // host:port, or the path of the socket
}

// String returns the address as it is written in a target.
func (a Address) String() string {
	if a.Network == "unix" {
		return "unix:" + a.Addr
	}
	return a.Addr
}

// CheckListening returns nil when somebody listens at the address. For addresses of
// this machine the kernel is asked, and the server does not notice; others are
// connected to, and the connection is closed. The error says what is wrong
// with it, and wraps the one of the connect.
func (a Address) CheckListening(ctx context.Context) error {
	network, listens := a.Network, listensTCP
	switch network {
	case "", "tcp", "tcp4", "tcp6":
		if network == "" {
			network = "tcp"
		}
	case "unix":
		listens = listensUnix
	default:
		return fmt.Errorf("address %v: network %q: %w", a, network, errors.ErrUnsupported)
	}
	if listens(a.Addr) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialBound)
	defer cancel()
	conn, err := dialContext(ctx, network, a.Addr)
	if err != nil {
		var failed *net.OpError
		if errors.As(err, &failed) && failed.Err != nil {
			err = failed.Err
		}
		return fmt.Errorf("address %v: cannot connect: %w", a, err)
	}
	return conn.Close()
}

// listensTCP reports whether a socket of this machine is known to listen there.
func listensTCP(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return listensTCP(net.JoinHostPort("127.0.0.1", port)) || listensTCP(net.JoinHostPort("::1", port))
	}
	want, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return false
	}
	diag, err := sock.OpenDiag()
	if err != nil {
		return false
	}
	defer diag.Close()
	all, _ := diag.AllListeners()
	for _, s := range all {
		if s.Addr.Port() == want.Port() && boundCovers(s.Addr.Addr().Unmap(), want.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// boundCovers reports whether a socket bound to bound gets what is sent to addr. One
// on [::] is taken to get IPv4 too: IPV6_V6ONLY is rare.
func boundCovers(bound, addr netip.Addr) bool {
	if bound == addr {
		return true
	}
	return bound.IsUnspecified() && (bound.Is6() || addr.Is4()) && sock.IsLocal(addr)
}
