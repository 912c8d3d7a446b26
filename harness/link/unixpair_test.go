package link

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

// unixPair returns two ends of a connection over a unix socket.
func unixPair(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), s.Close() })
	_ = s.SetDeadline(time.Now().Add(bound))
	return c.(*net.UnixConn), s.(*net.UnixConn)
}
