package tlsconn

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
	"time"

	"github.com/sockharness/harness/harness/link"
)

// A countingConn is a socket that counts what TLS writes to it and reads from it.
type countingConn struct {
	link.Conn
	sent, received atomic.Int64
}

// Read implements [net.Conn].
func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received.Add(int64(n))
	return n, err
}

// Write implements [net.Conn].
func (c *countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

// A Conn is a socket whose stream is the plaintext of TLS. The ends of the
// stream are the socket's own: FIN, behind a close_notify unless that is to be
// left out, and reset.
type Conn struct {
	*tls.Conn
	counting        *countingConn
	skipCloseNotify bool
	notifyOnClose   bool
}

// WrapClient returns a client's socket as a stream of plaintext; the handshake is done by
// the first read or write. Its Close says close_notify before, unless SetLinger was called.
func WrapClient(c link.Conn, config *tls.Config) *Conn {
	below, raw := countBelow(c)
	return &Conn{Conn: tls.Client(below, config), counting: raw, notifyOnClose: true}
}

// WrapServer is WrapClient for a socket that was accepted.
func WrapServer(c link.Conn, config *tls.Config) *Conn {
	below, raw := countBelow(c)
	return &Conn{Conn: tls.Server(below, config), counting: raw, notifyOnClose: true}
}

// NewSessions returns a memory for the sessions of one conversation: a server need not know
// those of its other conversations.
func NewSessions() tls.ClientSessionCache { return tls.NewLRUClientSessionCache(1) }

// countBelow returns what TLS reads and writes, and the socket below that: what is said there
// before TLS counts too.
func countBelow(c link.Conn) (below net.Conn, raw *countingConn) {
	if start, ok := c.(*OpeningConn); ok {
		raw = &countingConn{Conn: start.Conn}
		return &OpeningConn{Conn: raw, say: start.say}, raw
	}
	raw = &countingConn{Conn: c}
	return raw, raw
}

var _ link.WrappedConn = (*Conn)(nil)

// RunHandshake does the handshake of TLS. It blocks until that is done or the
// context ends. When it fails, the socket is as good as closed.
func (s *Conn) RunHandshake(ctx context.Context) error {
	if err := s.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("tls handshake: %w", err)
	}
	return nil
}

// firstWords bounds the handshake that a read or a write does.
const firstWords = 15 * time.Second

// handshakeFirst does the handshake of a connection on which nobody else does, within a
// time: what is read or written there may have no other limit.
func (s *Conn) handshakeFirst() error {
	if !s.notifyOnClose || s.ConnectionState().HandshakeComplete {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), firstWords)
	defer cancel()
	return s.RunHandshake(ctx)
}

// Write implements [net.Conn].
func (s *Conn) Write(p []byte) (int, error) {
	if err := s.handshakeFirst(); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}

// Socket returns what is below TLS, for those who want to write there.
func (s *Conn) Socket() link.Conn { return s.counting }

// Read returns io.EOF where the stream ends, in order or by a FIN alone, and
// ECONNRESET where TLS breaks: there are no two ways to go on from that.
func (s *Conn) Read(p []byte) (int, error) {
	var n int
	err := s.handshakeFirst()
	if err == nil {
		n, err = s.Conn.Read(p)
	}
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
func (s *Conn) CloseWrite() error {
	var notified error
	if !s.skipCloseNotify && s.ConnectionState().HandshakeComplete {
		notified = s.Conn.CloseWrite()
	}
	return errors.Join(notified, s.counting.CloseWrite())
}

// lastWord is how long the close_notify of a Close may block.
const lastWord = 50 * time.Millisecond

// Close closes the socket and sends nothing before, but see [WrapClient].
func (s *Conn) Close() error {
	if s.notifyOnClose && s.ConnectionState().HandshakeComplete && s.SetWriteDeadline(time.Now().Add(lastWord)) == nil {
		_ = s.Conn.CloseWrite()
	}
	return s.counting.Close()
}

// SetLinger lets [sock.ResetConn] reset the socket; one that is not TCP it only closes.
func (s *Conn) SetLinger(sec int) error {
	s.notifyOnClose = false
	if l, ok := s.counting.Conn.(interface{ SetLinger(int) error }); ok {
		return l.SetLinger(sec)
	}
	return nil
}

// SyscallConn gives the socket, whose bytes are nobody's but TLS's.
func (s *Conn) SyscallConn() (syscall.RawConn, error) { return s.counting.SyscallConn() }

// WireCounts implements [link.WrappedConn].
func (s *Conn) WireCounts() (sent, received int64) {
	return s.counting.sent.Load(), s.counting.received.Load()
}

// ServerConn returns the client's socket as the stream that the proxy reads.
func (h *Handshaker) ServerConn(c link.Conn) link.Conn {
	if h.terminate == nil {
		return c
	}
	below, raw := countBelow(WithOpening(c, h.beforeClient))
	return &Conn{Conn: tls.Server(below, h.terminate), counting: raw, skipCloseNotify: h.truncate}
}

// ClientConn returns the socket to the upstream as the stream that the proxy
// writes. Protocol is what its client has agreed to, if that speaks TLS. It blocks
// for the handshake; when that fails, the connection is returned beside the error,
// for the caller to close.
func (h *Handshaker) ClientConn(ctx context.Context, c link.Conn, host, protocol string) (link.Conn, error) {
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
	below, raw := countBelow(WithOpening(c, h.beforeServer))
	s := &Conn{Conn: tls.Client(below, config), counting: raw, skipCloseNotify: h.truncate}
	return s, s.RunHandshake(ctx)
}
