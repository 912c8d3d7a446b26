package api

import (
	"net"
	"strings"

	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/sock"
)

// The networks of a proxy, which the prefix of its addresses tells.
const (
	networkTCP = "tcp"
	networkUDP = "udp"
)

// networkOf returns the network of an address, which may be a bad one.
func networkOf(address string) string {
	if address == "" {
		return ""
	}
	network, _, err := sock.ParseAddress(address)
	switch {
	case err == nil:
		return network
	case strings.HasPrefix(address, networkUDP+":"):
		return networkUDP
	}
	return networkTCP
}

// isDatagrams reports whether the proxy that is wished for is one of datagrams.
func (w proxySpec) isDatagrams() bool {
	return networkOf(w.listen) == networkUDP || w.listen == "" && networkOf(w.upstream) == networkUDP
}

// checkNetwork finds addresses that do not go together.
func (w proxySpec) checkNetwork() error {
	listen, upstream := networkOf(w.listen), networkOf(w.upstream)
	if listen == "" || upstream == "" || (listen == networkUDP) == (upstream == networkUDP) {
		return nil
	}
	return badBodyf("listen %s and upstream %s: datagrams cannot be forwarded to streams; begin both with udp: or remove it", excerpt.Quote(w.listen), excerpt.Quote(w.upstream))
}

// resolveDatagrams returns the address that a proxy of datagrams listens on.
func resolveDatagrams(listen string) (*net.UDPAddr, error) {
	at, err := net.ResolveUDPAddr(networkUDP, strings.TrimPrefix(listen, networkUDP+":"))
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: networkUDP, Err: err}
	}
	return at, nil
}
