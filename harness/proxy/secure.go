package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/sockharness/harness/harness/link"
)

// A counted is a socket that counts what TLS writes to it and reads from it.
type counted struct {
	link.Conn
	sent, received atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received.Add(int64(n))
	return n, err
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

// A secure is a socket whose stream is the plaintext of TLS. The ends of the
// stream are the socket's own: FIN, behind a close_notify unless that is to be
// left out, and reset.
type secure struct {
	*tls.Conn
	raw      *counted
	truncate bool
}

var _ link.Layer = (*secure)(nil)

// handshake does that of TLS until the context ends. When it fails, the
// socket is as good as closed.
func (s *secure) handshake(ctx context.Context) error {
	if err := s.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("tls handshake: %w", err)
	}
	return nil
}

// Read returns io.EOF where the stream ends, in order or by a FIN alone, and
// ECONNRESET where TLS breaks: there are no two ways to go on from that.
func (s *secure) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	var errno syscall.Errno
	switch {
	case err == nil, err == io.EOF, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed), errors.As(err, &errno):
		return n, err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, io.EOF
	}
	return n, fmt.Errorf("%w: %w", err, syscall.ECONNRESET)
}

// CloseWrite sends close_notify and FIN.
func (s *secure) CloseWrite() error {
	var notified error
	if !s.truncate && s.ConnectionState().HandshakeComplete {
		notified = s.Conn.CloseWrite()
	}
	return errors.Join(notified, s.raw.CloseWrite())
}

// Close closes the socket and sends nothing before.
func (s *secure) Close() error { return s.raw.Close() }

// SetLinger lets [sock.Reset] reset the socket; one that is not TCP it only closes.
func (s *secure) SetLinger(sec int) error {
	if l, ok := s.raw.Conn.(interface{ SetLinger(int) error }); ok {
		return l.SetLinger(sec)
	}
	return nil
}

// SyscallConn gives the socket, whose bytes are nobody's but TLS's.
func (s *secure) SyscallConn() (syscall.RawConn, error) { return s.raw.SyscallConn() }

// RawCounts implements [link.Layer].
func (s *secure) RawCounts() (sent, received int64) { return s.raw.sent.Load(), s.raw.received.Load() }

// server returns the client's socket as the stream that the proxy reads.
func (h *handshaker) server(c link.Conn) link.Conn {
	if h.terminate == nil {
		return c
	}
	raw := &counted{Conn: c}
	return &secure{tls.Server(raw, h.terminate), raw, h.truncate}
}

// client returns the socket to the upstream as the stream that the proxy
// writes. Protocol is what its client has agreed to, if that speaks TLS.
func (h *handshaker) client(ctx context.Context, c link.Conn, host, protocol string) (link.Conn, error) {
	if h.originate == nil {
		return c, nil
	}
	config := h.originate.Clone()
	if config.ServerName == "" {
		config.ServerName = host
	}
	if protocol != "" {
		config.NextProtos = []string{protocol}
	}
	raw := &counted{Conn: c}
	s := &secure{tls.Client(raw, config), raw, h.truncate}
	return s, s.handshake(ctx)
}
