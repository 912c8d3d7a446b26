package sock

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
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

// CheckAddress finds an address that nobody can listen on, or else connect to. The
// error says what is wrong, without the address. Nothing is looked up but the names
// of services.
func CheckAddress(text string, listen bool) error {
	if strings.Contains(text, "://") {
		return errors.New("it is a URL, want HOST:PORT, unix:PATH or udp:HOST:PORT")
	}
	network, address, err := ParseAddress(text)
	if bad := (*net.AddrError)(nil); errors.As(err, &bad) {
		err = errors.New(bad.Err)
	}
	if err != nil {
		return fmt.Errorf("%w, want HOST:PORT, unix:PATH or udp:HOST:PORT", err)
	}
	if network == "unix" {
		return nil
	}
	host, name, _ := net.SplitHostPort(address)
	if err := checkHost(host, listen); err != nil {
		return err
	}
	least := 1
	if listen {
		least = 0
	}
	if port, err := net.LookupPort(network, name); err != nil || port < least {
		return fmt.Errorf("port %q must be %d to 65535, or the name of a service", name, least)
	}
	return nil
}

// checkHost finds a host that is neither an address nor a name that any could have.
func checkHost(host string, listen bool) error {
	if _, err := netip.ParseAddr(host); err == nil || host == "" {
		return nil
	}
	if host == "*" && listen {
		return errors.New("host \"*\": all interfaces are 0.0.0.0, or no host before the colon")
	}
	if i := strings.IndexFunc(host, func(r rune) bool {
		return r < utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._", r)
	}); i >= 0 {
		return fmt.Errorf("host %q contains %q, want HOST:PORT, unix:PATH or udp:HOST:PORT", host, host[i:i+1])
	}
	if strings.Contains(host, ".") && isNumber(strings.ReplaceAll(host, ".", "")) {
		return fmt.Errorf("host %q is not an IP address", host)
	}
	return nil
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

// IsLocal reports whether an address is one of this host. The unspecified address is: what
// connects to it comes to this host.
func IsLocal(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	own, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(own, func(one net.Addr) bool {
		prefix, ok := one.(*net.IPNet)
		return ok && prefix.IP.Equal(a.AsSlice())
	})
}
