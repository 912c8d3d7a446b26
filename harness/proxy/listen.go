package proxy

import (
	"fmt"
	"net"

	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// bindPort takes the address that clients connect to.
func bindPort(address string, w hook.SocketLimits) (port, error) {
	p, err := sock.BindAddress(address, w)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// A port is where clients connect to: a [*sock.Port], or what the caller has.
type port interface {
	Addr() net.Addr
	StartListening() (net.Listener, error)
	RefuseConnects() error
	BlackHole() error
	SetWindow(hook.SocketLimits) error
	AcceptPending() ([]net.Conn, error)
	Close() error
}

// A callerPort is a listener of the caller's, which accepts and can do nothing else.
type callerPort struct{ net.Listener }

func (p callerPort) StartListening() (net.Listener, error) { return p.Listener, nil }
func (p callerPort) AcceptPending() ([]net.Conn, error)    { return nil, nil }
func (p callerPort) RefuseConnects() error                 { return errCallers }
func (p callerPort) BlackHole() error                      { return errCallers }

func (p callerPort) SetWindow(w hook.SocketLimits) error {
	if w != (hook.SocketLimits{}) {
		return errCallers
	}
	return nil
}

var errCallers = fmt.Errorf("a listener of the caller's can do nothing but accept: %w", sock.ErrUnsupported)

// acceptedConn returns the stream of a client that was accepted, as [net.Listener]
// has it.
func acceptedConn(c net.Conn) link.Conn { return asStream(c) }

// serveAccepted starts the session of a client that was accepted.
func (p *Proxy) serveAccepted(c net.Conn) {
	client := acceptedConn(c)
	if p.cfg.Listener == nil {
		client = p.ownSocket(client)
	}
	p.serveClient(client)
}

// SetWindows says which windows new connections have, those to clients and those
// to the upstream; open ones keep theirs. The error is [sock.ErrUnsupported] where
// the proxy must be started again for that, [net.ErrClosed] unless it runs.
func (p *Proxy) SetWindows(onListen, onDial hook.SocketLimits) error {
	if err := p.gate.setWindow(onListen); err != nil {
		return fmt.Errorf("proxy %s: %w", p.cfg.Name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onDial = onDial
	return nil
}

// setWindow sets the window of the port, which must be open.
func (g *acceptState) setWindow(w hook.SocketLimits) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.port == nil {
		return net.ErrClosed
	}
	return g.port.SetWindow(w)
}
