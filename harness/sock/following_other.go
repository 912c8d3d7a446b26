//go:build !linux

package sock

import "net"

func reportICMP(*net.UDPConn) {}
