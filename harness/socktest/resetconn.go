package socktest

import (
	"net"
	"syscall"
	"time"
)

// A resetConn is a connection that was reset before the connect had returned: the
// kernel reports that reset by the connect and leaves no socket.
type resetConn struct{}

func (resetConn) Read([]byte) (int, error)              { return 0, syscall.ECONNRESET }
func (resetConn) Write([]byte) (int, error)             { return 0, syscall.ECONNRESET }
func (resetConn) Close() error                          { return nil }
func (resetConn) CloseWrite() error                     { return syscall.ENOTCONN }
func (resetConn) LocalAddr() net.Addr                   { return &net.TCPAddr{} }
func (resetConn) RemoteAddr() net.Addr                  { return &net.TCPAddr{} }
func (resetConn) SetDeadline(time.Time) error           { return nil }
func (resetConn) SetReadDeadline(time.Time) error       { return nil }
func (resetConn) SetWriteDeadline(time.Time) error      { return nil }
func (resetConn) SyscallConn() (syscall.RawConn, error) { return nil, syscall.ENOTCONN }
func (resetConn) SetLinger(int) error                   { return nil }
