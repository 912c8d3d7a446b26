package cli

import (
	"net"
	"strings"

	"github.com/sockharness/harness/harness/sock"
)

// CheckUpstream finds an address that nobody can be reached by. Nothing is looked
// up but the names of services.
func CheckUpstream(text string) error { return checkAddress("upstream", text, 1) }

// CheckListen finds an address that nobody can listen on.
func CheckListen(text string) error { return checkAddress("listen", text, 0) }

func checkAddress(flag, text string, least int) error {
	network, address, err := sock.ParseAddress(text)
	if err != nil {
		return UsageErrorf("--%s %q: %s; want HOST:PORT, unix:PATH or udp:HOST:PORT", flag, text, withoutAddress(err))
	}
	if network == "unix" {
		return nil
	}
	_, name, _ := net.SplitHostPort(address)
	if port, err := net.LookupPort(network, name); err != nil || port < least {
		return UsageErrorf("--%s %q: port %q must be %d to 65535, or the name of a service", flag, text, name, least)
	}
	return nil
}

// withoutAddress is an error of package net without the address, which the message has.
func withoutAddress(err error) string {
	if bad, ok := err.(*net.AddrError); ok {
		return bad.Err
	}
	return strings.TrimSpace(err.Error())
}

// UDPPrefix is what addresses of datagrams begin with.
const UDPPrefix = "udp:"
