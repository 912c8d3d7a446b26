package sock

import "syscall"

// Unplug makes the kernel take in nothing that arrives for a TCP connection from now
// on, and answer nothing: as if the host at this end had lost its cable. What the peer
// sends is not acknowledged, its keep-alive probes are not answered. This end sends no
// probes either; what it has sent before it should know as acknowledged, see
// [OutQueue], since the kernel sends again what is not. It returns how it is done:
//
//   - "filter": a socket filter (socket(7), SO_ATTACH_FILTER) drops all. Newer kernels
//     permit it on TCP sockets with CAP_NET_ADMIN only.
//   - "min-ttl": the smallest TTL or hop limit that is taken in (ip(7), IP_MINTTL; RFC 5082)
//     is set to 255, which needs no privilege. Systems send 64 or 128 unless told
//     otherwise; what comes with 255 gets through.
//
// The error is [ErrUnsupported] for a socket that is not TCP, and on other systems than Linux.
func Unplug(c syscall.Conn) (how string, err error) { return unplug(c) }

// Replug undoes [Unplug]. What the peer still sends again arrives.
func Replug(c syscall.Conn) error { return replug(c) }

// CloseSilently closes c so that the peer hears nothing, as of a host that has lost its
// power: TCP_REPAIR, which needs CAP_NET_ADMIN. Without, c is reset and the error is
// [ErrUnsupported]. What the peer sends later is answered by a reset.
func CloseSilently(c Conn) error {
	err := silenceEnd(c)
	if err != nil {
		_ = ResetConn(c)
		return err
	}
	return c.Close()
}
