package sock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below are for descriptors that do not block. They do not tell the runtime
// that a thread is in the kernel, for there it is at work and does not wait: another
// thread could do nothing better with its processor. A connection of a proxy has
// fifteen of them.

// ReadNoWait reads what is there.
func ReadNoWait(fd int, p []byte) (int, error) { return moveNoWait(unix.SYS_READ, fd, p) }

// WriteNoWait writes what there is room for.
func WriteNoWait(fd int, p []byte) (int, error) { return moveNoWait(unix.SYS_WRITE, fd, p) }

func moveNoWait(call uintptr, fd int, p []byte) (int, error) {
	n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

// CloseNoWait closes a socket without a linger time.
func CloseNoWait(fd int) error { return errnoOf(unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)) }

// ShutdownNoWait is shutdown(2).
func ShutdownNoWait(fd, how int) error {
	return errnoOf(unix.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0))
}

func errnoOf(_, _ uintptr, errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// LingerNoWait says that a close is a reset: SO_LINGER of 0.
func LingerNoWait(fd int) error {
	l := unix.Linger{Onoff: 1}
	return setOption(fd, unix.SOL_SOCKET, unix.SO_LINGER, unsafe.Pointer(&l), unsafe.Sizeof(l))
}

// NoDelayNoWait sets TCP_NODELAY.
func NoDelayNoWait(fd int) error {
	one := int32(1)
	return setOption(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, unsafe.Pointer(&one), unsafe.Sizeof(one))
}

func setOption(fd, level, name int, value unsafe.Pointer, size uintptr) error {
	return errnoOf(unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), uintptr(value), size, 0))
}

// OutQueueNoWait is [OutQueue] of a descriptor.
func OutQueueNoWait(fd int) (int, error) {
	var n int32
	err := errnoOf(unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCOUTQ, uintptr(unsafe.Pointer(&n))))
	return int(n), err
}

// AcceptNoWait accepts a connection that waits, and says where it comes from.
func AcceptNoWait(fd int, from *RawAddress) (int, error) {
	from.size = uint32(unsafe.Sizeof(from.bytes))
	conn, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&from.bytes)), uintptr(unsafe.Pointer(&from.size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(conn), nil
}

// ConnectNoWait begins to connect, or says what has become of that.
func ConnectNoWait(fd int, to *RawAddress) error {
	return errnoOf(unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&to.bytes)), uintptr(to.size)))
}

// EpollNoWait is epoll_wait(2) without a wait: it returns how many events there are now.
func EpollNoWait(fd int, events []unix.EpollEvent) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
