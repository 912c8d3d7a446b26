//go:build !linux

package sock

import (
	"context"
	"net"
	"syscall"

	"github.com/sockharness/harness/harness/wire"
)

// A binding remembers an address; there is no socket behind it unless it listens.
type binding struct {
	addr     string
	window   wire.Window
	config   net.ListenConfig
	listener net.Listener
}

func bind(want *net.TCPAddr, w wire.Window) (holder, *net.TCPAddr, error) {
	b := &binding{addr: want.String(), window: w}
	b.config.Control = func(network, address string, c syscall.RawConn) error {
		return Shape(network, address, c, w)
	}
	b.config.SetMultipathTCP(false)
	l, err := b.listen()
	if err != nil {
		return nil, nil, err
	}
	at := l.Addr().(*net.TCPAddr)
	b.addr = at.String()
	return b, at, b.close()
}

func (b *binding) listen() (net.Listener, error) {
	l, err := b.config.Listen(context.Background(), "tcp", b.addr)
	if err != nil {
		return nil, err
	}
	b.listener = l
	return l, nil
}

func (b *binding) refuse() error { return b.close() }

func (b *binding) hang() error { return ErrUnsupported }

func (b *binding) shape(w wire.Window) error {
	if w != b.window {
		return ErrUnsupported
	}
	return nil
}

func (b *binding) close() error {
	if b.listener == nil {
		return nil
	}
	_ = b.listener.Close() // closed twice: by whoever got it, or by the port
	b.listener = nil
	return nil
}
