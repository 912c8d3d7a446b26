package sock

import (
	"context"
	"syscall"
	"time"
)

// An Info is what the kernel tells of a TCP socket of ours: TCP_INFO of tcp(7).
type Info struct {
	State         State  // state of the connection
	BytesAcked    uint64 // by the peer; on the side that connected, the SYN counts as one
	BytesReceived uint64 // in order, read or not; a FIN counts as one
	Unsent        uint32 // bytes written and not sent yet
	SegmentSize   uint32 // bytes that a segment to the peer may carry
}

// TCPInfo returns the state and the counters of c. It does not block. The error
// is [ErrUnsupported] when c is not a TCP socket or the system does not tell.
func TCPInfo(c syscall.Conn) (Info, error) { return tcpInfo(c) }

// OutQueue returns how many bytes written to c are not yet acknowledged by the
// peer's kernel, a FIN counting as one: SIOCOUTQ. Of a unix socket it is the
// memory of what the peer has not read, and zero when it has read everything.
func OutQueue(c syscall.Conn) (int, error) { return outQueue(c) }

// AwaitTaken blocks until the peer has read everything that was written to a unix socket. It
// returns the context's error when it has not, [ErrUnsupported] where nobody can tell.
func AwaitTaken(ctx context.Context, c syscall.Conn) error {
	tick := time.NewTicker(takenPoll)
	defer tick.Stop()
	for {
		if left, err := OutQueue(c); err != nil || left == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// takenPoll is how often a unix socket is asked what its peer has not read.
const takenPoll = 50 * time.Microsecond

// InQueue returns how many bytes c has received and nobody has read: SIOCINQ.
func InQueue(c syscall.Conn) (int, error) { return inQueue(c) }

// IsReadable reports whether a read of the socket would return at once: bytes, the
// end of the stream or an error.
func IsReadable(c syscall.Conn) (bool, error) { return isReadable(c) }
