package sock

import "context"

// Filler is what [LeaveSendRoom] fills a send buffer with.
const Filler = 0xA5

// LeaveSendRoom fills the send buffer of the TCP socket that the process pid holds under
// the descriptor fd, so that its next send takes no more than room bytes, of a message
// from room+1 bytes on. That is what the kernel does when a peer reads slowly, and it goes
// on as it does then: the rest fails with EAGAIN, or blocks, until the peer reads, and
// poll tells when there is room again.
//
// It blocks, some milliseconds, until nothing is under way to the peer, which must not
// read meanwhile. The peer reads filled bytes of [Filler] before all that is sent later.
// The less its window is the fewer they are: 5 KB with a receive buffer of 1, see
// [LimitWindow], 180 KB with the default. The socket keeps the least send buffer.
//
// The descriptor that it needs for that (pidfd_getfd(2), Linux 5.6) is closed before it
// returns. The error is [ErrUnsupported] where that is not permitted or room is more than
// one segment holds, [ErrNotFound] when there is no such process or descriptor.
func LeaveSendRoom(ctx context.Context, pid, fd, room int) (filled int, err error) {
	return leaveSendRoom(ctx, pid, fd, room)
}

// SendQueueOf returns how many bytes wait in the send buffer of the socket that the process
// pid holds under the descriptor fd, and whether its sends block. The errors are those of
// [LeaveSendRoom].
func SendQueueOf(pid, fd int) (queued int, blocks bool, err error) { return sendQueueOf(pid, fd) }
