package tlsconn

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/link"
)

// An OpeningConversation holds what is said on a socket before TLS, such as EHLO and STARTTLS of SMTP (RFC
// 3207). It blocks until that is over or the context ends, leaves the socket open, and
// returns what it has read of the TLS that follows.
type OpeningConversation func(context.Context, link.Conn) (ahead []byte, err error)

// An OpeningConn is a socket whose first read or write comes after what is said in plaintext:
// TLS on it begins there.
type OpeningConn struct {
	link.Conn
	say OpeningConversation

	once sync.Once
	err  error // of say; valid once it is over

	mu          sync.Mutex // guards what follows
	ahead       []byte     // read, and not given out yet
	read, write time.Time  // deadlines that were set
}

// WithOpening returns a socket on which say comes first; nil: nothing does.
func WithOpening(c link.Conn, say OpeningConversation) link.Conn {
	if _, done := c.(*OpeningConn); done || say == nil {
		return c
	}
	return &OpeningConn{Conn: c, say: say}
}

// begin holds what is said in plaintext, once, within a time.
func (p *OpeningConn) begin() error {
	p.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), firstWords)
		defer cancel()
		ahead, err := p.say(ctx, p.Conn)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ahead, p.err = ahead, err
		// Say has set deadlines of its own.
		_ = p.Conn.SetReadDeadline(p.read)
		_ = p.Conn.SetWriteDeadline(p.write)
	})
	return p.err
}

// SetDeadline implements [net.Conn].
func (p *OpeningConn) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

// SetReadDeadline implements [net.Conn].
func (p *OpeningConn) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read = t
	return p.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements [net.Conn].
func (p *OpeningConn) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.write = t
	return p.Conn.SetWriteDeadline(t)
}

// Read implements [net.Conn].
func (p *OpeningConn) Read(b []byte) (int, error) {
	if err := p.begin(); err != nil {
		return 0, err
	}
	p.mu.Lock()
	n := copy(b, p.ahead)
	p.ahead = p.ahead[n:]
	p.mu.Unlock()
	if n > 0 {
		return n, nil
	}
	return p.Conn.Read(b)
}

// Write implements [net.Conn].
func (p *OpeningConn) Write(b []byte) (int, error) {
	if err := p.begin(); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

// SetLinger lets [sock.ResetConn] reset the socket; one that is not TCP it only closes.
func (p *OpeningConn) SetLinger(sec int) error {
	if l, ok := p.Conn.(interface{ SetLinger(int) error }); ok {
		return l.SetLinger(sec)
	}
	return nil
}
