package sock

import "syscall"

// AckAtOnce makes the kernel acknowledge what arrives on a TCP connection as soon as it was
// read, until something is sent again: a peer with Nagle's algorithm (RFC 896), which sends one
// small answer after the other, waits up to 40 ms for the acknowledgement of the first one.
// Elsewhere than on Linux it does nothing.
func AckAtOnce(c syscall.Conn) { ackAtOnce(c) }
