package sock

// DescriptorOf returns the number of the descriptor under which the process pid
// holds the socket with the given inode. The error is [ErrNotFound] when it does
// not hold it, [ErrUnsupported] when we may not look.
func DescriptorOf(pid int, inode uint32) (fd int, err error) { return descriptorOf(pid, inode) }

// ShrinkSendBuffer sets the send buffer of the socket that the process pid holds
// under the descriptor fd: SO_SNDBUF, which the kernel raises to its least,
// 4608 bytes of memory or some 2 KB of data. Connections inherit it from a TCP
// socket that listens, those of unix sockets do not. Sends of a few KB become
// short only if the peer takes in little as well, see [LimitWindow].
//
// It takes no part of the socket: the descriptor that it needs for that
// (pidfd_getfd(2), Linux 5.6) is closed before it returns. The error is
// [ErrUnsupported] where that is not permitted, [ErrNotFound] when there is no
// such process or descriptor.
func ShrinkSendBuffer(pid, fd, bytes int) error { return shrinkSendBuffer(pid, fd, bytes) }
