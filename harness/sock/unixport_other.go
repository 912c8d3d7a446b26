//go:build !linux

package sock

import (
	"context"
	"errors"
	"net"

	"github.com/sockharness/harness/harness/wire"
)

// A unixBinding is a path that is ours. While it refuses there is no socket.
type unixBinding struct {
	file     socketFile
	listener *net.UnixListener
}

func bindUnix(path string) (holder, error) {
	if isAbstract(path) {
		return nil, ErrUnsupported
	}
	if err := clearPath(path); err != nil {
		return nil, err
	}
	b := &unixBinding{file: socketFile{path: path}}
	if _, err := b.listen(); err != nil {
		return nil, err
	}
	return b, b.refuse()
}

func (b *unixBinding) listen() (net.Listener, error) {
	if err := errors.Join(b.refuse(), b.file.remove()); err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "unix", b.file.path)
	if err != nil {
		return nil, err
	}
	b.listener = l.(*net.UnixListener)
	b.listener.SetUnlinkOnClose(false)
	b.file.note()
	return l, nil
}

func (b *unixBinding) refuse() error {
	if b.listener != nil {
		_ = b.listener.Close() // closed twice: by whoever got it, or by the port
		b.listener = nil
	}
	return nil
}

func (b *unixBinding) hang() error { return ErrUnsupported }

func (b *unixBinding) shape(wire.Window) error { return nil }

func (b *unixBinding) close() error {
	removed := b.file.remove()
	return errors.Join(b.refuse(), removed)
}
