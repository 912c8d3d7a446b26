package api

import (
	"net"
	"strings"

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

// datagrams reports whether the proxy that is wished for is one of datagrams.
func (w wish) datagrams() bool {
	return networkOf(w.listen) == networkUDP || w.listen == "" && networkOf(w.upstream) == networkUDP
}

// check finds addresses that do not go together.
func (w wish) check() error {
	listen, upstream := networkOf(w.listen), networkOf(w.upstream)
	if listen == "" || upstream == "" || (listen == networkUDP) == (upstream == networkUDP) {
		return nil
	}
	return badBodyf("listen %s and upstream %s: datagrams and streams do not go together; both are udp: or none is", quoted(w.listen), quoted(w.upstream))
}

// resolveDatagrams returns the address that a proxy of datagrams listens on.
func resolveDatagrams(listen string) (*net.UDPAddr, error) {
	at, err := net.ResolveUDPAddr(networkUDP, strings.TrimPrefix(listen, networkUDP+":"))
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: networkUDP, Err: err}
	}
	return at, nil
}
