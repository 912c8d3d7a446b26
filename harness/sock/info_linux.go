package sock

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

func tcpInfo(c syscall.Conn) (Info, error) {
	var info *unix.TCPInfo
	err := controlFD(c, func(fd int) (err error) {
		info, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		return err
	})
	if err != nil {
		return Info{}, wrapErrno("TCP_INFO", err)
	}
	return Info{
		State:         State(info.State),
		BytesAcked:    info.Bytes_acked,
		BytesReceived: info.Bytes_received,
		Unsent:        info.Notsent_bytes,
		SegmentSize:   info.Snd_mss,
	}, nil
}

func outQueue(c syscall.Conn) (int, error) { return queueLength(c, "SIOCOUTQ", unix.SIOCOUTQ) }

func inQueue(c syscall.Conn) (int, error) { return queueLength(c, "SIOCINQ", unix.SIOCINQ) }

func queueLength(c syscall.Conn, name string, request uint) (n int, err error) {
	err = controlFD(c, func(fd int) (err error) {
		n, err = unix.IoctlGetInt(fd, request)
		return err
	})
	return n, wrapErrno(name, err)
}

// inodeOf returns the number of the socket in /proc/PID/fd.
func inodeOf(c syscall.Conn) (uint32, error) {
	var stat unix.Stat_t
	err := controlFD(c, func(fd int) error { return unix.Fstat(fd, &stat) })
	return uint32(stat.Ino), wrapErrno("fstat", err)
}

// controlFD runs f on the descriptor of c.
func controlFD(c syscall.Conn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// wrapErrno says what failed, and that the system cannot do it where that is
// what the error number means.
func wrapErrno(act string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOSYS),
		errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOPROTOOPT), errors.Is(err, unix.ENOTTY):
		return fmt.Errorf("%s: %w: %w", act, ErrUnsupported, err)
	}
	return fmt.Errorf("%s: %w", act, err)
}
