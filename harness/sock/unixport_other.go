//go:build !linux

package sock

import (
	"context"
	"errors"
	"net"

	"github.com/sockharness/harness/toxics/hook"
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
	if _, err := b.startListening(); err != nil {
		return nil, err
	}
	return b, b.refuseConnects()
}

func (b *unixBinding) startListening() (net.Listener, error) {
	if err := errors.Join(b.refuseConnects(), b.file.removeFile()); err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "unix", b.file.path)
	if err != nil {
		return nil, err
	}
	b.listener = l.(*net.UnixListener)
	b.listener.SetUnlinkOnClose(false)
	b.file.noteFile()
	return l, nil
}

func (b *unixBinding) refuseConnects() error {
	if b.listener != nil {
		_ = b.listener.Close() // closed twice: by its user, or by the port
		b.listener = nil
	}
	return nil
}

func (b *unixBinding) blackHole() error { return ErrUnsupported }

func (b *unixBinding) setWindow(hook.SocketLimits) error { return nil }

func (b *unixBinding) acceptPending() ([]net.Conn, error) { return nil, nil }

func (b *unixBinding) closeSocket() error {
	removed := b.file.removeFile()
	return errors.Join(b.refuseConnects(), removed)
}
