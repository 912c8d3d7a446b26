package proxy

import (
	"fmt"
	"net"

	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
)

// bind takes the address that clients connect to.
func bind(address string, w wire.Window) (*sock.Port, error) {
	network, at, err := sock.ParseAddress(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("listen %s: %w", address, err)
	case network == "unix":
		return sock.BindUnix(at)
	}
	return sock.Bind(at, w)
}

// checkListen reports an address of a network that this proxy does not carry. A
// mistake in it is told when it is bound.
func checkListen(address string) error {
	if network, _, err := sock.ParseAddress(address); err == nil && network != "tcp" && network != "unix" {
		return fmt.Errorf("network %q is not supported", network)
	}
	return nil
}

// accepted returns the stream of a client that was accepted, as [net.Listener]
// has it.
func accepted(c net.Conn) link.Conn { return c.(link.Conn) }

// SetWindows says which windows new connections have, those to clients and those
// to the upstream; open ones keep theirs. The error is [sock.ErrUnsupported] where
// the proxy must be started again for that, [net.ErrClosed] unless it runs.
func (p *Proxy) SetWindows(onListen, onDial wire.Window) error {
	if err := p.gate.shape(onListen); err != nil {
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onDial = onDial
	return nil
}

// shape sets the window of the port, which must be open.
func (g *gate) shape(w wire.Window) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.port == nil {
		return net.ErrClosed
	}
	return g.port.Shape(w)
}
