package scenario

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/nameserver"
	"github.com/sockharness/harness/harness/peer"
)

// A NameFault says what becomes of the names of a client under test that it connects to: they
// are in no file, and the name server that is told to the client answers so.
type NameFault struct {
	Silent bool          // it does not answer
	Fails  bool          // it says that it failed (SERVFAIL)
	Delay  time.Duration // before the answer
	Second bool          // each name has one address more
}

// String says what the name server did, for a sentence.
func (f NameFault) String() string {
	switch {
	case f.Silent:
		return "did not answer"
	case f.Fails:
		return "answered that it failed (SERVFAIL)"
	case f.Delay > 0:
		return fmt.Sprintf("answered after %s", f.Delay)
	}
	return "answered with two addresses"
}

// A NameService is what a client under test has instead of the machine's names. It is nil for a
// client that connects to no name.
type NameService struct {
	server *nameserver.Server
	client Peer
	fault  *NameFault
	asked  func(name string)
}

// names returns the names that the client connects to, and that no file of this machine has.
// With a fault files do not matter.
func (p Peer) names(ctx context.Context, faulty bool) (all []string) {
	for i, address := range p.ConnectsTo {
		host, _, err := net.SplitHostPort(address)
		if err != nil || p.firstWithHost(host, i) != i {
			continue
		}
		if _, isAddress := netip.ParseAddr(host); isAddress == nil {
			continue
		}
		if faulty || len(lookUpLocally(ctx, host)) == 0 {
			all = append(all, strings.ToLower(strings.TrimSuffix(host, ".")))
		}
	}
	return all
}

// ConnectsToName reports whether the client connects to a name.
func (p Peer) ConnectsToName() bool { return len(p.names(context.Background(), true)) > 0 }

// ServeNames starts a name server for the names that the client connects to; with a fault, one
// that has it. Other names lead where they lead on this machine. Asked, which may be nil, is
// called for each question about a name of the client's. The caller closes the service.
func (p Peer) ServeNames(ctx context.Context, fault *NameFault, asked func(name string)) (*NameService, error) {
	own := p.names(ctx, fault != nil)
	if len(own) == 0 {
		return nil, nil
	}
	n := &NameService{client: p, fault: fault, asked: asked}
	var err error
	n.server, err = nameserver.Listen(func(ctx context.Context, name string) nameserver.Reply {
		if slices.Contains(own, name) {
			return n.reply(name)
		}
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		return nameserver.Reply{Addrs: addrs, None: err != nil}
	})
	if err != nil {
		return nil, fmt.Errorf("connects_to: %w", err)
	}
	return n, nil
}

// reply is what becomes of a question about a name of the client's.
func (n *NameService) reply(name string) nameserver.Reply {
	if n.asked != nil {
		n.asked(name)
	}
	addr := n.addrOf(name)
	r := nameserver.Reply{Addrs: []netip.Addr{addr}}
	if f := n.fault; f != nil {
		r.Silent, r.Fails, r.Delay = f.Silent, f.Fails, f.Delay
		if f.Second {
			r.Addrs = append(r.Addrs, secondAddr(addr))
		}
	}
	return r
}

// addrOf is the address that a name of the client's is given.
func (n *NameService) addrOf(name string) netip.Addr {
	return inventedAddr(slices.IndexFunc(n.client.ConnectsTo, func(address string) bool {
		host, _, err := net.SplitHostPort(address)
		return err == nil && strings.EqualFold(strings.TrimSuffix(host, "."), name)
	}))
}

// secondAddr is the other address of a name.
func secondAddr(a netip.Addr) netip.Addr {
	b := a.As4()
	b[1] += 2
	return netip.AddrFrom4(b)
}

// NamedAddrs returns where the client connects with names that only a name server knows: two
// addresses for each.
func (p Peer) NamedAddrs(ctx context.Context) ([]netip.AddrPort, error) {
	all, err := p.ConnectAddrs(ctx)
	if err != nil {
		return nil, err
	}
	for i, address := range p.ConnectsTo {
		host, port, err := splitConnect(address)
		if err != nil {
			return nil, err
		}
		if _, isAddress := netip.ParseAddr(host); isAddress == nil {
			continue
		}
		first := inventedAddr(p.firstWithHost(host, i))
		all = append(all, netip.AddrPortFrom(first, port), netip.AddrPortFrom(secondAddr(first), port))
	}
	return all, nil
}

// GiveTo gives a command the names: files, and where its questions lead.
func (n *NameService) GiveTo(ctx context.Context, c *peer.Command) {
	if n == nil {
		return
	}
	c.Hosts, c.ResolvConf = n.client.HostsFile(ctx), n.server.ResolvConf()
	if n.fault != nil {
		c.Hosts = hostsWithout(n.client.names(ctx, true))
	}
	told, at := n.server.ToldAddr(), n.server.Addr()
	if told == at {
		return
	}
	c.OnDatagramConnect = func(to netip.AddrPort) peer.ConnectReply {
		if to == told {
			return peer.ConnectReply{To: at}
		}
		return peer.ConnectReply{}
	}
	if others := c.OnConnect; others != nil {
		c.OnConnect = func(to netip.AddrPort) peer.ConnectReply {
			if to == told {
				return peer.ConnectReply{To: at}
			}
			return others(to)
		}
	}
}

// UnaskedReason is why the name server may not have been asked.
func (n *NameService) UnaskedReason() string {
	if n.server.Addr().Port() == nameserver.Port {
		return "the client did not ask the name server of /etc/resolv.conf for its server"
	}
	return "the client did not ask the name server of /etc/resolv.conf for its server, or asked from a socket that it had not connected, as musl does: that needs port 53, so run harness as root, or with sysctl net.ipv4.ip_unprivileged_port_start=53"
}

// Close ends the name server, and waits for it.
func (n *NameService) Close() {
	if n != nil {
		n.server.Close()
	}
}

// hostsWithout is /etc/hosts without the lines of some names. It is not empty.
func hostsWithout(names []string) string {
	there, _ := os.ReadFile("/etc/hosts")
	kept := []string{"127.0.0.1\tlocalhost.localdomain"}
	for line := range strings.Lines(string(there)) {
		words := strings.Fields(strings.ToLower(line))
		if !slices.ContainsFunc(words, func(word string) bool { return slices.Contains(names, word) }) {
			kept = append(kept, strings.TrimSuffix(line, "\n"))
		}
	}
	return strings.Join(kept, "\n") + "\n"
}
