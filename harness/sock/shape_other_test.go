//go:build !linux

package sock_test

import (
	"net"
	"testing"
)

func receiveBuffer(*testing.T, *net.TCPConn) (int, bool) { return 0, false }
