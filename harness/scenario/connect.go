package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/strictyaml"
)

// A ConnectFault says how connect(2) of the client under test ends, at this address or, if
// that is zero, at any of its server's: after Delay with Errno, or, if that is 0, well.
type ConnectFault struct {
	Address netip.AddrPort // port 0: any
	Errno   syscall.Errno  // what it fails with; 0: it succeeds
	Delay   time.Duration  // how long it takes before that
	First   bool           // only connects to the address that the client tries first end so
}

// Concerns reports whether the fault is for connects to the address.
func (f ConnectFault) Concerns(to netip.AddrPort) bool {
	if !f.Address.IsValid() {
		return true
	}
	return f.Address.Addr() == to.Addr() && (f.Address.Port() == 0 || f.Address.Port() == to.Port())
}

// ConnectAddrs returns the addresses that the client connects to by itself. A name that no
// file of this machine knows has the address that [Peer.HostsFile] gives it.
func (p Peer) ConnectAddrs(ctx context.Context) ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	for i, address := range p.ConnectsTo {
		host, port, err := splitConnect(address)
		if err != nil {
			return nil, err
		}
		addrs := lookUpLocally(ctx, host)
		if len(addrs) == 0 {
			addrs = []netip.Addr{inventedAddr(p.firstWithHost(host, i))}
		}
		for _, a := range addrs {
			all = append(all, netip.AddrPortFrom(a.Unmap(), port))
		}
	}
	return all, nil
}

// splitConnect splits an address of connects_to.
func splitConnect(address string) (host string, port uint16, err error) {
	host, digits, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("connects_to: %w", err)
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("connects_to: %s: %q is no port", address, digits)
	}
	return host, uint16(n), nil
}

// lookUpLocally returns the addresses of a name, or of an address, as the files of this machine
// have them: no server is asked.
func lookUpLocally(ctx context.Context, host string) []netip.Addr {
	files := net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.ErrUnsupported
	}}
	addrs, err := files.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	return addrs
}

// inventedAddr is the address of the n-th name that has none: one of this machine's, so that
// there is a way to it, which nobody uses.
func inventedAddr(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 77, byte(n >> 8), byte(n + 1)})
}

// firstWithHost returns the number of the first address with the host of the i-th one.
func (p Peer) firstWithHost(host string, i int) int {
	return slices.IndexFunc(p.ConnectsTo[:i+1], func(address string) bool {
		other, _, err := net.SplitHostPort(address)
		return err == nil && other == host
	})
}

// HostsFile returns the content of /etc/hosts with the names that the client connects to, for
// [peer.Command].Hosts; empty where it needs no others than those that are there.
func (p Peer) HostsFile(ctx context.Context) string {
	var added strings.Builder
	for i, address := range p.ConnectsTo {
		host, _, err := net.SplitHostPort(address)
		if err == nil && p.firstWithHost(host, i) == i && len(lookUpLocally(ctx, host)) == 0 {
			fmt.Fprintf(&added, "%s\t%s\n", inventedAddr(i), host)
		}
	}
	if added.Len() == 0 {
		return ""
	}
	there, _ := os.ReadFile("/etc/hosts")
	return string(there) + "\n" + added.String()
}

// RedirectConnects returns what leads the connects of the client to the address instead, for
// [peer.Command].OnConnect; nil where it is told its address.
func (p Peer) RedirectConnects(ctx context.Context, address string) (func(netip.AddrPort) peer.ConnectReply, error) {
	if len(p.ConnectsTo) == 0 {
		return nil, nil
	}
	all, err := p.ConnectAddrs(ctx)
	if err != nil {
		return nil, err
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("connects_to: the client can be led to an address of TCP only: %w", err)
	}
	redirected := map[netip.AddrPort]bool{}
	for _, a := range all {
		redirected[a] = true
	}
	return func(at netip.AddrPort) peer.ConnectReply {
		if !redirected[at] || at == to {
			return peer.ConnectReply{}
		}
		return peer.ConnectReply{To: to}
	}, nil
}

// decodeConnectsTo reads one address or a list of them.
func (d *configDecoder) decodeConnectsTo(n *strictyaml.Node, role Role) []string {
	all := []string{n.Text()}
	if n.Kind() == strictyaml.List {
		all = d.StringList(n)
	}
	if role != Client {
		d.ReportError(n, "a server does not connect", "write connects_to in the client")
	}
	for _, address := range all {
		if !isConnectAddress(address) {
			d.ReportError(n, fmt.Sprintf("%q is no address", address), `write host:port, such as 192.0.2.7:5432 or "[::1]:80"`)
		}
	}
	return all
}

// isConnectAddress reports whether the text is host:port.
func isConnectAddress(text string) bool {
	host, digits, err := net.SplitHostPort(text)
	port, failed := strconv.ParseUint(digits, 10, 16)
	return err == nil && failed == nil && host != "" && port > 0
}

// checkConnects tells what is wrong with a client that is not told its address.
func (t Target) checkConnects() error {
	switch {
	case len(t.Client.ConnectsTo) == 0:
		return nil
	case len(t.Client.Command) == 0:
		return errors.New("connects_to is for a client that is a command")
	case t.Transport() != TCP && t.Transport() != TLS:
		return fmt.Errorf("connects_to is for connections of TCP, and the conversation is held on %s", t.Transport())
	}
	for _, address := range t.Client.ConnectsTo {
		if !isConnectAddress(address) {
			return fmt.Errorf("connects_to: %q is no address; write host:port, such as 192.0.2.7:5432", address)
		}
	}
	return nil
}

// DualNames reports whether localhost is ::1 and 127.0.0.1 on this machine, and both are
// there.
func DualNames(ctx context.Context) error {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", "localhost")
	if err != nil {
		return err
	}
	found := map[netip.Addr]bool{}
	for _, a := range addrs {
		found[a.Unmap()] = true
	}
	if !found[netip.IPv6Loopback()] || !found[netip.AddrFrom4([4]byte{127, 0, 0, 1})] {
		return fmt.Errorf("localhost is %v on this machine, not both ::1 and 127.0.0.1: %w", slices.Collect(maps.Keys(found)), sock.ErrUnsupported)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "[::1]:0")
	if err != nil {
		return fmt.Errorf("this machine has no ::1: %w: %w", sock.ErrUnsupported, err)
	}
	return l.Close()
}
