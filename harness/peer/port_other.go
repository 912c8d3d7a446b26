//go:build !linux

package peer

import (
	"fmt"
	"net"
	"strconv"
)

// FreePort returns a TCP port that was free on host a moment ago. Nothing
// keeps others from it here. Release does nothing.
func FreePort(host string) (port int, release func(), err error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return 0, nil, fmt.Errorf("port on %s: %w", host, err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, func() {}, nil
}

func canBind(port int) bool {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err == nil {
		l.Close()
	}
	return err == nil
}
