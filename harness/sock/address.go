package sock

import (
	"fmt"
	"net"
	"strings"
)

// ParseAddress reads an address as people write it and returns its network with
// what that calls an address:
//
//	127.0.0.1:80  [::1]:http  :80    tcp
//	unix:/run/a.sock  unix:@name     unix, the path or the abstract name
//	udp:127.0.0.1:53                 udp
//
// Nothing is looked up. A host that is called unix or udp still has a TCP port.
func ParseAddress(text string) (network, address string, err error) {
	switch name, rest, _ := strings.Cut(text, ":"); {
	case name == "unix" && !isNumber(rest):
		if err := checkUnixPath(rest); err != nil {
			return "", "", fmt.Errorf("address %q: %w", text, err)
		}
		return "unix", rest, nil
	case name == "udp" && !isNumber(rest):
		network, text = "udp", rest
	default:
		network = "tcp"
	}
	if _, _, err := net.SplitHostPort(text); err != nil {
		return "", "", err
	}
	return network, text, nil
}

func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// FormatAddress writes the address of a socket as [ParseAddress] reads it. Of a
// unix socket without a name, as clients mostly are, it is "unix:".
func FormatAddress(a net.Addr) string {
	if a == nil {
		return ""
	}
	if strings.HasPrefix(a.Network(), "tcp") {
		return a.String()
	}
	text := a.String()
	if text == "@" { // what package net calls a unix socket without a name
		text = ""
	}
	return a.Network() + ":" + text
}
