package peer

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/sleep"
)

// answer tells the kernel what becomes of one call.
func (i *interceptor) answer(call notification) {
	if i.openOther(call) {
		return
	}
	out := answered{id: call.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if sent, ours := i.performSend(call); ours {
		out.flags, out.value = 0, int64(sent)
	} else if errno, ours := i.performReply(call); ours {
		out.flags, out.errno = 0, -int32(errno)
	}
	// A process that has ended meanwhile needs no answer.
	_ = i.controlListener(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&out))
}

// performReply does what the reply says and returns how the call ends. ours is false where the
// kernel is to go on.
func (i *interceptor) performReply(call notification) (errno unix.Errno, ours bool) {
	to, ok := readAddress(call)
	if call.number != unix.SYS_CONNECT || !ok {
		return 0, false
	}
	fd, err := duplicateOf(call)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd)
	reply := i.replyTo(to, fd)
	if reply == (ConnectReply{}) {
		return 0, false
	}
	for until := time.Now().Add(reply.Delay); time.Now().Before(until) && i.isWaiting(call); {
		sleep.For(i.running, min(servePoll, time.Until(until)))
	}
	switch {
	case reply.Errno != 0:
		return reply.Errno, true
	case reply.To.IsValid():
		return i.connect(call, fd, reply.To), true
	}
	return 0, false
}

// replyTo is what becomes of a connect of the socket.
func (i *interceptor) replyTo(to netip.AddrPort, fd int) ConnectReply {
	switch kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); {
	case err != nil:
	case kind == unix.SOCK_STREAM:
		return i.reply(to)
	case kind == unix.SOCK_DGRAM && i.datagram != nil:
		return i.datagram(to)
	}
	return ConnectReply{}
}

// isWaiting reports whether the call still waits for its answer.
func (i *interceptor) isWaiting(call notification) bool {
	return i.running.Err() == nil && i.controlListener(unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&call.id)) == nil
}

// connect connects the socket of the call, as long as that waits. What blocks there must
// not block here for longer.
func (i *interceptor) connect(call notification, fd int, to netip.AddrPort) unix.Errno {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return errnoFrom(err)
	}
	if flags&unix.O_NONBLOCK != 0 {
		return errnoFrom(unix.Connect(fd, socketAddress(fd, to)))
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|unix.O_NONBLOCK); err != nil {
		return errnoFrom(err)
	}
	defer unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
	err = unix.Connect(fd, socketAddress(fd, to))
	if err != unix.EINPROGRESS {
		return errnoFrom(err)
	}
	return i.awaitConnected(call, fd)
}

// awaitConnected waits as connect does on a socket that blocks: no longer than SO_SNDTIMEO.
func (i *interceptor) awaitConnected(call notification, fd int) unix.Errno {
	var limit time.Duration
	if t, err := unix.GetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO); err == nil {
		limit = time.Duration(t.Nano())
	}
	for began := time.Now(); i.isWaiting(call); {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if n, _ := unix.Poll(fds, int(servePoll/time.Millisecond)); n > 0 {
			failed, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
			if err != nil {
				return errnoFrom(err)
			}
			return unix.Errno(failed)
		}
		if limit > 0 && time.Since(began) >= limit {
			return unix.EINPROGRESS
		}
	}
	return unix.EINTR
}

func errnoFrom(err error) unix.Errno {
	if errno, ok := err.(unix.Errno); ok {
		return errno
	}
	return 0
}

// socketAddress is the address as the family of the socket has it.
func socketAddress(fd int, to netip.AddrPort) unix.Sockaddr {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err == nil && domain == unix.AF_INET && to.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()} // IPv4 is mapped
}

// readMemory fills b with the memory of the process from an address on, and reports whether
// all of it is there. B is not empty.
func (call notification) readMemory(at uint64, b []byte) bool {
	local := []unix.Iovec{{Base: &b[0], Len: uint64(len(b))}}
	remote := []unix.RemoteIovec{{Base: uintptr(at), Len: len(b)}}
	n, err := unix.ProcessVMReadv(int(call.pid), local, remote, 0)
	return err == nil && n == len(b)
}

// readAddress reads where the call connects to; false where that is no address of IP.
func readAddress(call notification) (netip.AddrPort, bool) {
	b := make([]byte, min(call.arguments[2], unix.SizeofSockaddrInet6))
	if len(b) < unix.SizeofSockaddrInet4 {
		return netip.AddrPort{}, false
	}
	if !call.readMemory(call.arguments[1], b) {
		return netip.AddrPort{}, false
	}
	port := binary.BigEndian.Uint16(b[2:])
	switch family := binary.NativeEndian.Uint16(b); {
	case family == unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), port), true
	case family == unix.AF_INET6 && len(b) >= 24:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])).Unmap(), port), true
	}
	return netip.AddrPort{}, false
}

// duplicateOf duplicates the socket of the call.
func duplicateOf(call notification) (int, error) {
	pid, err := processOf(call.pid)
	if err != nil {
		return 0, err
	}
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(process)
	return unix.PidfdGetfd(process, int(int32(call.arguments[0])), 0)
}

// processOf returns the process of a thread.
func processOf(thread uint32) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, is := strings.CutPrefix(line, "Tgid:"); is {
			return strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return 0, os.ErrNotExist
}
