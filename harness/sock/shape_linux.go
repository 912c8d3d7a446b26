package sock

import (
	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/wire"
)

func shape(fd uintptr, w wire.Window) error {
	if w.ReceiveBuffer != 0 {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, w.ReceiveBuffer); err != nil {
			return wrapErrno("SO_RCVBUF", err)
		}
	}
	if w.SegmentSize != 0 {
		return wrapErrno("TCP_MAXSEG", unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, w.SegmentSize))
	}
	return nil
}
