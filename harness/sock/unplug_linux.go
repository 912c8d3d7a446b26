package sock

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// mostTTL is the largest TTL there is.
const mostTTL = 255

func unplug(c syscall.Conn) (how string, err error) {
	err = controlFD(c, func(fd int) error {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0); err != nil {
			return err
		}
		if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL); err != nil || kind != unix.IPPROTO_TCP {
			return ErrUnsupported
		}
		if how = "filter"; dropByFilter(fd) == nil {
			return nil
		}
		how = "min-ttl"
		return setMinTTL(fd, mostTTL)
	})
	if err != nil {
		return "", fmt.Errorf("unplug: %w", err)
	}
	return how, nil
}

// dropByFilter has a classic BPF program of one instruction accept 0 bytes of each packet.
func dropByFilter(fd int) error {
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop})
}

// setMinTTL has the kernel drop packets with a smaller TTL or hop limit.
func setMinTTL(fd, ttl int) error {
	at, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MINTTL, ttl) // of a socket for both families, too
	if _, ok := at.(*unix.SockaddrInet6); ok {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MINHOPCOUNT, ttl)
	}
	return err
}

func replug(c syscall.Conn) error {
	err := controlFD(c, func(fd int) error {
		err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
		if errors.Is(err, unix.ENOENT) { // there was none
			err = nil
		}
		return errors.Join(err, setMinTTL(fd, 0))
	})
	return wrapErrno("replug", err)
}

func silenceEnd(c syscall.Conn) error {
	err := controlFD(c, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_REPAIR, unix.TCP_REPAIR_ON)
	})
	if err != nil {
		return fmt.Errorf("TCP_REPAIR: %w", errors.Join(ErrUnsupported, err))
	}
	return nil
}
