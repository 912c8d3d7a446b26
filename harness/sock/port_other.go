//go:build !linux

package sock

import (
	"context"
	"net"
	"syscall"

	"github.com/sockharness/harness/toxics/hook"
)

// A binding remembers an address; there is no socket behind it unless it listens.
type binding struct {
	addr     string
	window   hook.SocketLimits
	config   net.ListenConfig
	listener net.Listener
}

func bindHolder(want *net.TCPAddr, w hook.SocketLimits) (holder, *net.TCPAddr, error) {
	b := &binding{addr: want.String(), window: w}
	b.config.Control = func(network, address string, c syscall.RawConn) error {
		return LimitWindow(network, address, c, w)
	}
	b.config.SetMultipathTCP(false)
	l, err := b.startListening()
	if err != nil {
		return nil, nil, err
	}
	at := l.Addr().(*net.TCPAddr)
	b.addr = at.String()
	return b, at, b.closeSocket()
}

func (b *binding) startListening() (net.Listener, error) {
	l, err := b.config.Listen(context.Background(), "tcp", b.addr)
	if err != nil {
		return nil, err
	}
	b.listener = l
	return l, nil
}

func (b *binding) refuseConnects() error { return b.closeSocket() }

func (b *binding) blackHole() error { return ErrUnsupported }

func (b *binding) setWindow(w hook.SocketLimits) error {
	if w != b.window {
		return ErrUnsupported
	}
	return nil
}

func (b *binding) acceptPending() ([]net.Conn, error) { return nil, nil }

func (b *binding) closeSocket() error {
	if b.listener == nil {
		return nil
	}
	_ = b.listener.Close() // closed twice: by its user, or by the port
	b.listener = nil
	return nil
}
