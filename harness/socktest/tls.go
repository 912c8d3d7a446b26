package socktest

import (
	"context"
	"crypto/tls"
	"crypto/x509"

	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// TLS lets a proxy speak TLS on both sides, so that offsets and faults mean the
// plaintext: to clients with a certificate for the name that they ask for, see
// [Proxy.CertPool], and to the server, whose certificate is not checked. The protocols
// are those that it agrees to by ALPN, such as "h2".
//
// A played peer speaks TLS on its only side: [NewServer] with a certificate for the loopback
// addresses and localhost, see [Server.CertPool], and [Dial] without a check of the server's
// certificate. Pieces are those of the plaintext, each in a record of its own.
func TLS(protocols ...string) Option {
	return Option{"TLS", func(o *options) error {
		o.tls = &tlsconn.Config{Terminate: &tlsconn.Terminate{Generated: true}, Originate: &tlsconn.Originate{Insecure: true}, Protocols: protocols}
		return nil
	}}
}

// useTLS puts TLS into the configuration of a proxy.
func (p *Proxy) useTLS(c *proxy.Config, o options) error {
	if o.tls == nil {
		return nil
	}
	authority, err := tlsconn.NewAuthority()
	if err != nil {
		return err
	}
	p.pool = authority.Pool()
	c.TLS, c.Authority = *o.tls, authority
	return nil
}

// serveTLS lets a played server speak TLS, if it is to.
func (s *Server) serveTLS() error {
	if s.options.tls == nil {
		return nil
	}
	authority, err := tlsconn.NewAuthority()
	if err != nil {
		return err
	}
	leaf, err := authority.SignLeaf([]string{"localhost", "127.0.0.1", "::1"})
	if err != nil {
		return err
	}
	s.pool = authority.Pool()
	s.tls = &tls.Config{Certificates: []tls.Certificate{*leaf}, NextProtos: s.options.tls.Protocols}
	return nil
}

// withTLS returns the connection of a client as its peer reads it.
func (s *Server) withTLS(c sock.Conn) sock.Conn {
	if s.tls == nil {
		return c
	}
	return tlsconn.WrapServer(c, s.tls)
}

// dialTLS does the client's handshake, if there is to be one.
func dialTLS(ctx context.Context, c sock.Conn, o options) (sock.Conn, error) {
	if o.tls == nil {
		return c, nil
	}
	secure := tlsconn.WrapClient(c, &tls.Config{InsecureSkipVerify: true, NextProtos: o.tls.Protocols})
	if err := secure.RunHandshake(ctx); err != nil {
		_ = c.Close()
		return nil, err
	}
	return secure, nil
}

// CertPool returns what clients of a server with [TLS] have to trust; without it nil.
func (s *Server) CertPool() *x509.CertPool { return s.pool }

// CertPool returns what clients of a proxy with [TLS] have to trust; without it nil.
func (p *Proxy) CertPool() *x509.CertPool { return p.pool }
