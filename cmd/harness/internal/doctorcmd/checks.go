package doctorcmd

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/sockharness/harness/cmd/harness/internal/cli"
	"github.com/sockharness/harness/harness/sock"
)

// allChecks tries everything, what cannot be done without first.
func allChecks() []check {
	checks := []check{
		check{Name: "loopback", Required: true, Use: "proxies and peers on 127.0.0.1",
			Cure: "bring the interface up, for instance with `ip link set lo up`"}.tried(tryListen("tcp", "127.0.0.1:0"), unsupported),
		check{Name: "loopback-ipv6", Use: "proxies and peers on [::1]", Instead: "only IPv4 addresses work",
			Cure: "enable IPv6 on the loopback interface, in Docker with --sysctl net.ipv6.conf.lo.disable_ipv6=0"}.tried(tryListen("tcp", "[::1]:0"), unsupported),
		check{Name: "unix-sockets", Use: "proxies and peers at unix:PATH"}.tried(tryUnix(), unsupported),
		check{Name: "temporary-folder", Required: true, Use: "files of processes under test",
			Cure: "set TMPDIR to a folder that can be written"}.tried(tryTemp(), unsupported),
	}
	return append(checks, systemChecks()...)
}

func tryListen(network, address string) error {
	l, err := net.Listen(network, address)
	if err != nil {
		return cli.UnderlyingOSError(err)
	}
	defer l.Close()
	c, err := net.Dial(network, l.Addr().String())
	if err != nil {
		return err
	}
	return c.Close()
}

func tryUnix() error {
	folder, err := os.MkdirTemp("", "harness-doctor-")
	if err != nil {
		return cli.UnderlyingOSError(err)
	}
	defer os.RemoveAll(folder)
	return tryListen("unix", filepath.Join(folder, "s"))
}

func tryTemp() error {
	file, err := os.CreateTemp("", "harness-doctor-")
	if err != nil {
		return fmt.Errorf("%s: %w", os.TempDir(), cli.UnderlyingOSError(err))
	}
	file.Close()
	return os.Remove(file.Name())
}

// loopbackPair returns both ends of a TCP connection. The caller closes them.
func loopbackPair() (client, server *net.TCPConn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	s, err := l.Accept()
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return c.(*net.TCPConn), s.(*net.TCPConn), nil
}

// tryReset ends a connection by a reset at once.
func tryReset() error {
	client, server, err := loopbackPair()
	if err != nil {
		return err
	}
	defer client.Close()
	defer server.Close()
	return sock.ResetConn(client)
}
