package proxy

import (
	"context"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/sock"
)

// A bareRoute is a client and a server of plain system calls, which allocate two
// addresses for each connection; all else that is allocated is the proxy's.
type bareRoute struct {
	b      *testing.B
	port   *net.TCPListener
	server int // that listens
	to     unix.Sockaddr
}

func newBareRoute(b *testing.B, change func(*Config)) *bareRoute {
	l := listen(b)
	cfg := Config{Name: "bench", Listen: "127.0.0.1:0", Upstream: l.Addr().String()}
	if change != nil {
		change(&cfg)
	}
	p, err := New(cfg)
	if err == nil {
		err = p.Start(context.Background())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.Close() })
	r := &bareRoute{b: b, port: l, to: &unix.SockaddrInet4{Port: p.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}}
	raw, err := l.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { r.server, _ = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	}
	if err == nil {
		err = unix.SetNonblock(r.server, false)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = unix.Close(r.server) })
	return r
}

// open returns both ends of a connection through the proxy, which has carried a byte.
func (r *bareRoute) open() (client, server int) {
	client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Connect(client, r.to)
	}
	if err == nil {
		server, _, err = unix.Accept4(r.server, unix.SOCK_CLOEXEC)
	}
	if err != nil {
		r.b.Fatal(err)
	}
	r.pass(client, server)
	r.pass(server, client)
	return client, server
}

func (r *bareRoute) pass(from, to int) {
	var p [1]byte
	_, err := unix.Write(from, p[:])
	if err == nil {
		_, err = unix.Read(to, p[:])
	}
	if err != nil {
		r.b.Fatal(err)
	}
}

// BenchmarkShortConnection says what is allocated for a connection that its client
// resets, or closes.
func BenchmarkShortConnection(b *testing.B) {
	for name, end := range map[string]func(int) error{"reset": sock.LingerNoWait, "closed": func(int) error { return nil }} {
		b.Run(name, func(b *testing.B) {
			r := newBareRoute(b, nil)
			b.ReportAllocs()
			for b.Loop() {
				client, server := r.open()
				_ = end(client)
				_ = unix.Close(client)
				_, _ = unix.Read(server, make([]byte, 1)) // the end
				_ = unix.Close(server)
			}
		})
	}
}

// BenchmarkSmallMessage says what is allocated for a byte there and back.
func BenchmarkSmallMessage(b *testing.B) {
	r := newBareRoute(b, nil)
	client, server := r.open()
	b.ReportAllocs()
	for b.Loop() {
		r.pass(client, server)
		r.pass(server, client)
	}
	_, _ = unix.Close(client), unix.Close(server)
}
