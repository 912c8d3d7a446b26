package api

import (
	"net"

	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/sock"
)

// checkAddresses finds addresses that nobody can listen on or connect to. Those that
// the proxy has already are left alone: Toxiproxy takes an empty upstream.
func (w proxySpec) checkAddresses(in proxyInput) error {
	if in.Listen != nil && *in.Listen != "" {
		if err := sock.CheckAddress(*in.Listen, true); err != nil {
			return fieldFailure("listen", "listen %s: %w", excerpt.Quote(*in.Listen), err)
		}
	}
	upstreams := w.transport.Upstreams
	if len(upstreams) == 0 && w.upstream != "" && (in.Upstream != nil || in.Upstreams != nil) {
		upstreams = []string{w.upstream}
	}
	for _, at := range upstreams {
		if err := sock.CheckAddress(at, false); err != nil {
			return fieldFailure("upstream", "upstream %s: %w", excerpt.Quote(at), err)
		}
	}
	return nil
}

// resolveListen returns a listening address as it is shown once it is listened on.
func resolveListen(text string) (string, error) {
	w := proxySpec{listen: text}
	if w.isDatagrams() {
		at, err := resolveDatagrams(text)
		return sock.FormatAddress(at), err
	}
	if isUnix(text) {
		return text, nil
	}
	at, err := net.ResolveTCPAddr("tcp", text)
	if err != nil {
		return "", err
	}
	if at.IP.Equal(net.IPv4zero) {
		at.IP = nil // both families, as Go has it for 0.0.0.0
	}
	return formatAddr(at), nil
}

// sameListen reports whether an address that is asked for is the one that the proxy
// has, or was asked to have: port 0 that is asked for again is no other port.
func (w proxySpec) sameListen(other string) (bool, error) {
	if other == w.listen || other == w.asked {
		return true, nil
	}
	want, err := resolveListen(other)
	if err != nil {
		return false, err
	}
	if want == w.listen {
		return true, nil
	}
	asked, err := resolveListen(w.asked)
	return err == nil && asked == want, nil
}
