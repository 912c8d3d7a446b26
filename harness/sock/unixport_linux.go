package sock

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/toxics/hook"
)

// A unixBinding is a path that is ours. While it refuses there is no socket: one
// that was shut down does not listen again, and one that is bound and does not
// listen is no better than none.
type unixBinding struct {
	file   socketFile
	fd     int // of the socket that listens, or -1
	filler int // of the connection that fills the accept queue, or -1
}

func bindUnix(path string) (holder, error) {
	if err := clearPath(path); err != nil {
		return nil, err
	}
	b := &unixBinding{file: socketFile{path: path}, fd: -1, filler: -1}
	if err := b.bindFile(); err != nil {
		return nil, err
	}
	return b, nil
}

// bindFile makes the file, and a socket that does not listen yet.
func (b *unixBinding) bindFile() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return wrapErrno("socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: b.file.path}); err != nil {
		_ = unix.Close(fd)
		return os.NewSyscallError("bind", err)
	}
	b.fd = fd
	b.file.noteFile()
	return nil
}

// openQueue makes the socket listen with a queue of that many connections and one.
func (b *unixBinding) openQueue(backlog int) error {
	if b.fd < 0 {
		if err := b.file.removeFile(); err != nil {
			return fmt.Errorf("socket file: %w", err)
		}
		if err := b.bindFile(); err != nil {
			return err
		}
	}
	return wrapErrno("listen", unix.Listen(b.fd, backlog))
}

func (b *unixBinding) startListening() (net.Listener, error) {
	if err := b.openQueue(backlog); err != nil {
		return nil, err
	}
	if b.filler >= 0 {
		b.dropFiller()
		if err := b.turnAwayOne(); err != nil {
			return nil, err
		}
	}
	dup, err := unix.FcntlInt(uintptr(b.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, wrapErrno("dup", err)
	}
	f := os.NewFile(uintptr(dup), "port")
	defer f.Close()
	return net.FileListener(f)
}

// turnAwayOne ends the connection at the head of the accept queue.
func (b *unixBinding) turnAwayOne() error {
	fd, _, err := unix.Accept4(b.fd, unix.SOCK_CLOEXEC)
	if err != nil {
		return wrapErrno("accept", err)
	}
	return unix.Close(fd)
}

// refuseConnects closes the socket: what waits in its queue is reset, by ECONNRESET.
func (b *unixBinding) refuseConnects() error {
	b.dropFiller()
	if b.fd < 0 {
		return nil
	}
	fd := b.fd
	b.fd = -1
	return wrapErrno("close", unix.Close(fd))
}

// blackHole makes the accept queue one connection long and fills it.
func (b *unixBinding) blackHole() error {
	if b.filler >= 0 {
		return nil
	}
	if err := b.openQueue(0); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return wrapErrno("socket", err)
	}
	b.filler = fd
	for try := 0; ; try++ {
		err := unix.Connect(fd, &unix.SockaddrUnix{Name: b.file.path})
		if err == nil {
			return nil
		}
		if err != unix.EAGAIN || try == backlog {
			return errors.Join(wrapErrno("accept queue fill", err), b.refuseConnects())
		}
		// A client that has come before is in our place.
		if err := b.turnAwayOne(); err != nil && !errors.Is(err, unix.EAGAIN) {
			return errors.Join(err, b.refuseConnects())
		}
	}
}

func (b *unixBinding) dropFiller() {
	if b.filler >= 0 {
		_ = unix.Close(b.filler)
		b.filler = -1
	}
}

func (b *unixBinding) setWindow(hook.SocketLimits) error { return nil }

func (b *unixBinding) acceptPending() ([]net.Conn, error) {
	if b.fd < 0 {
		return nil, nil
	}
	return acceptAll(b.fd)
}

func (b *unixBinding) closeSocket() error {
	removed := b.file.removeFile() // before the socket goes: nobody shall find it stale
	return errors.Join(b.refuseConnects(), removed)
}
