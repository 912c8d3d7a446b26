package peer

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// FreePort returns a TCP port that nothing is bound to, neither on host nor on
// any other address, not even a connection in TIME_WAIT. It lies outside the
// range of ephemeral ports, so no connection gets it by chance, and it is
// claimed: no other FreePort of this network namespace returns it until
// release is called, which is to be done when the server is over. Nothing is
// bound meanwhile, so a server needs no SO_REUSEADDR.
func FreePort(host string) (port int, release func(), err error) {
	low, high := portRange()
	for range 1000 {
		port := low + rand.IntN(high-low)
		claim, err := net.Listen("unix", "@harness-port-"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		if canBind(port) {
			return port, sync.OnceFunc(func() { claim.Close() }), nil
		}
		claim.Close()
	}
	return 0, nil, fmt.Errorf("port on %s: every port from %d to %d is in use", host, low, high)
}

// portRange returns the largest range that leaves out well-known and ephemeral
// ports (ip(7), ip_local_port_range).
func portRange() (low, high int) {
	low, high = 32768, 61000
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		fmt.Sscan(string(text), &low, &high)
	}
	if below := low - 10000; below >= 1000 {
		return 10000, low
	}
	if above := 65536 - (high + 1); above >= 1000 {
		return high + 1, 65536
	}
	return 10000, 65536
}

// canBind reports whether a socket without SO_REUSEADDR gets the port on all
// addresses, IPv4 and IPv6. A child that is forked meanwhile would have the socket, and
// so the port, until its exec: the server that is to get the port may be faster.
func canBind(port int) bool {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(fd)
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
		return unix.Bind(fd, &unix.SockaddrInet6{Port: port}) == nil
	}
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrInet4{Port: port}) == nil
}
