package sock

import (
	"net"

	"golang.org/x/sys/unix"
)

// reportICMP has a socket that is not connected report ICMP errors, too (ip(7) IP_RECVERR).
func reportICMP(conn *net.UDPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1) != nil {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
		}
	})
}
