package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/sockharness/harness/harness/tlsconn"
)

// BenchmarkTransports sends 256 KiB at a time through proxies of each kind, to a
// server that reads and forgets.
func BenchmarkTransports(b *testing.B) {
	a := newAuthority(b)
	dir := b.TempDir()
	unixPath := filepath.Join(dir, "up")
	unixServer, err := net.Listen("unix", unixPath)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = unixServer.Close() }()
	tcp := listen(b)
	secure := tls.NewListener(listen(b), serving(b, a))
	for _, l := range []net.Listener{tcp, unixServer, secure} {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go discard(c)
			}
		}()
	}
	terminate := tlsconn.Config{Terminate: &tlsconn.Terminate{Generated: true}}
	for _, row := range []struct {
		name      string
		cfg       Config
		clientTLS bool
	}{
		{"tcp", Config{Upstream: tcp.Addr().String()}, false},
		{"unix to unix", Config{Listen: "unix:" + filepath.Join(dir, "1"), Upstream: "unix:" + unixPath}, false},
		{"tcp to unix", Config{Upstream: "unix:" + unixPath}, false},
		{"tls passed through", Config{Upstream: secure.Addr().String()}, true},
		{"tls terminated", Config{Upstream: tcp.Addr().String(), TLS: terminate}, true},
		{"tls terminated and originated", Config{Upstream: secure.Addr().String(),
			TLS: tlsconn.Config{Terminate: terminate.Terminate, Originate: &tlsconn.Originate{Insecure: true}}}, true},
	} {
		b.Run(row.name, func(b *testing.B) { benchTransport(b, a, row.cfg, row.clientTLS) })
	}
}

func benchTransport(b *testing.B, a *tlsconn.Authority, cfg Config, clientTLS bool) {
	cfg.Name, cfg.Authority = "bench", a
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	p, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	var c io.WriteCloser
	if c, err = net.Dial(p.Addr().Network(), p.Addr().String()); err != nil {
		b.Fatal(err)
	}
	if clientTLS {
		c = tls.Client(c.(net.Conn), trusting(a, "localhost"))
	}
	defer func() { _ = c.Close() }()
	piece := make([]byte, 256<<10)
	b.SetBytes(int64(len(piece)))
	for b.Loop() {
		if _, err := c.Write(piece); err != nil {
			b.Fatal(err)
		}
	}
}
