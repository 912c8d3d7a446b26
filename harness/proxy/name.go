package proxy

import (
	"net"
	"net/netip"
	"time"

	"github.com/sockharness/harness/harness/sock"
)

const (
	nameAge  = 10 * time.Second // after which a name is looked up again
	nameWait = time.Second      // for an address to answer before its name is looked up again
)

// A dialledName is an upstream whose host is a name, and where that was when a connection
// to it last succeeded. The next ones go there, without a lookup, for a while; one that
// fails looks the name up.
type dialledName struct {
	upstream string // as it was asked for
	address  string
	since    time.Time
}

// knownAddress returns where an upstream by name was a moment ago, "" if nobody knows or it
// has no name.
func (p *Proxy) knownAddress(upstream string) string {
	n := p.named.Load()
	if n == nil || n.upstream != upstream || time.Since(n.since) > nameAge {
		return ""
	}
	return n.address
}

// noteDialled keeps where an upstream by name is.
func (p *Proxy) noteDialled(upstream string, at net.Addr) {
	if tcp, ok := at.(*net.TCPAddr); ok && isName(upstream) {
		p.named.Store(&dialledName{upstream, tcp.String(), time.Now()})
	}
}

// isName reports whether the host of an upstream has to be looked up.
func isName(upstream string) bool {
	network, at, err := sock.ParseAddress(upstream)
	if err != nil || network != "tcp" {
		return false
	}
	_, failed := netip.ParseAddrPort(at)
	return failed != nil
}
