package socktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega/gbytes"

	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// A Peer is one end of a connection that the test plays itself, as the client
// ([Dial]) or as the server ([NewServer]). It reads only when a method asks for
// bytes, so that the other side meets the back pressure of a real program. Its
// methods are for one goroutine.
//
// A verb that does not get what it wants fails the test and does not return. Of a
// server's peer there are two exceptions, because they are what faults do: when the
// client has reset the connection, or has ended it before the first byte of what is
// wanted, the script ends and the test goes on.
type Peer struct {
	tb     testing.TB
	conn   sock.Conn
	diag   func() *sock.Diag // asks the kernel; nil: the system cannot tell
	within time.Duration
	number int  // of a server's peer, from 1; 0: a client
	closed bool // by a verb

	reading atomic.Bool   // somebody waits for bytes or an end
	over    atomic.Bool   // the script has returned
	moved   chan struct{} // gets one element, at most, when the script has read or returned

	mu     sync.Mutex // guards what follows, which others may look at
	data   []byte     // everything received
	read   int        // how much of it was taken by verbs
	sent   int64
	ending Ending
	buffer *gbytes.Buffer // nil: nobody asked
}

func newPeer(tb testing.TB, conn sock.Conn, diag func() *sock.Diag, o options) *Peer {
	return &Peer{tb: tb, conn: conn, diag: diag, within: o.within, ending: Open, moved: make(chan struct{}, 1)}
}

// noteMove wakes who waits until the script has read or returned.
func (p *Peer) noteMove() {
	select {
	case p.moved <- struct{}{}:
	default:
	}
}

// Dial connects to "host:port" or "unix:/path" and returns the client's end of the
// connection, which is closed when the test ends. A server that resets so soon that
// the connect reports it has been connected to, and has reset: the next verb sees
// that. The options are [Within] and [TLS].
func Dial(tb testing.TB, addr string, opts ...Option) *Peer {
	tb.Helper()
	o, err := readOptions(opts, "Within", "TLS")
	if err != nil {
		tb.Fatalf("socktest: dial %s: %v", addr, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.within)
	defer cancel()
	conn, err := dialConn(ctx, addr)
	if err == nil {
		conn, err = dialTLS(ctx, conn, o)
	}
	if EndingOf(err) == RST {
		conn, err = resetConn{}, nil
	}
	if err != nil {
		tb.Fatalf("socktest: %v", err)
	}
	var acquired atomic.Bool
	diag := sync.OnceValue(func() *sock.Diag {
		defer acquired.Store(true)
		return kernel.acquire()
	})
	p := newPeer(tb, conn, diag, o)
	tb.Cleanup(func() {
		_ = conn.Close()
		if acquired.Load() {
			kernel.release()
		}
	})
	return p
}

func dialConn(ctx context.Context, addr string) (sock.Conn, error) {
	if err := sock.CheckAddress(addr, false); err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	conn, err := sock.Dial(ctx, &net.Dialer{}, addr)
	if _, datagrams := conn.(sock.DatagramConn); datagrams {
		_ = conn.Close()
		return nil, fmt.Errorf("dial %s: a peer speaks TCP or unix sockets", addr)
	}
	return conn, err
}

// Number returns the number of the connection on its server, from 1; of a client 0.
func (p *Peer) Number() int { return p.number }

// Addr returns the peer's own address.
func (p *Peer) Addr() string { return sock.FormatAddress(p.conn.LocalAddr()) }

// RemoteAddr returns the address of the other side.
func (p *Peer) RemoteAddr() string { return sock.FormatAddress(p.conn.RemoteAddr()) }

// Received returns all bytes that were read from the connection so far.
func (p *Peer) Received() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]byte(nil), p.data...)
}

// Sent returns how many bytes the peer's kernel has taken.
func (p *Peer) Sent() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent
}

// Ending returns how the other side has ended its stream, as far as the peer has
// read: [Open], [FIN] or [RST].
func (p *Peer) Ending() Ending {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ending
}

// Buffer returns a buffer for gbytes.Say, with everything received. Each call reads
// what has come, so that Eventually(peer).Should(gbytes.Say("x")) works; the bytes
// can still be wanted by verbs. It is closed when the stream has ended.
func (p *Peer) Buffer() *gbytes.Buffer {
	p.mu.Lock()
	fresh := p.buffer == nil
	if fresh {
		p.buffer = gbytes.BufferWithBytes(append([]byte(nil), p.data...))
		if p.ending != Open {
			_ = p.buffer.Close()
		}
	}
	buffer, ended := p.buffer, p.ending != Open
	p.mu.Unlock()
	for !ended && !p.closed {
		_ = p.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		n, err := p.receive()
		ended = n == 0 || err != nil
	}
	return buffer
}

// receive reads once, at most until the read deadline, and keeps what came.
func (p *Peer) receive() (int, error) {
	var buf [16 << 10]byte
	p.reading.Store(true)
	n, err := p.conn.Read(buf[:])
	p.reading.Store(false)
	defer p.noteMove()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.data = append(p.data, buf[:n]...)
	if p.buffer != nil {
		_, _ = p.buffer.Write(buf[:n])
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
		p.ending = EndingOf(err)
		if p.buffer != nil {
			_ = p.buffer.Close()
		}
	}
	return n, err
}

// unread returns what has come and no verb has taken.
func (p *Peer) unread() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.data[p.read:]
}

// take marks so many of the unread bytes as taken.
func (p *Peer) take(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read += n
}

// receiveUntil reads until done says so, for the peer's time at most, and returns the
// error that the reading ended with.
func (p *Peer) receiveUntil(done func(unread []byte) bool) error {
	_ = p.conn.SetReadDeadline(time.Now().Add(p.within))
	for !done(p.unread()) {
		if e := p.Ending(); e == FIN {
			return io.EOF
		}
		if _, err := p.receive(); err != nil {
			return err
		}
	}
	return nil
}

// Read reads what the other side has sent. It waits for [Within] at most and fails no
// test, so that a peer can be given to a parser of the protocol.
func (p *Peer) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	err := p.receiveUntil(func(unread []byte) bool { return len(unread) > 0 })
	n := copy(b, p.unread())
	p.take(n)
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// Write sends b at once. It waits for [Within] at most, for the other side to read,
// and fails no test.
func (p *Peer) Write(b []byte) (int, error) {
	_ = p.conn.SetWriteDeadline(time.Now().Add(p.within))
	n, err := p.conn.Write(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent += int64(n)
	return n, err
}

// awaitRead blocks until the other side has read everything that was sent, or as
// long as it takes where that cannot be known.
func (p *Peer) awaitRead() error {
	ctx, cancel := context.WithTimeout(context.Background(), p.within)
	defer cancel()
	own, remote := tcpAddr(p.conn.LocalAddr()), tcpAddr(p.conn.RemoteAddr())
	err := sock.ErrUnsupported
	if !own.IsValid() {
		err = sock.AwaitTaken(ctx, p.conn)
	} else if diag := p.diag(); diag != nil {
		err = diag.AwaitConsumed(ctx, remote, own, uint64(p.wireSent()))
	}
	if errors.Is(err, sock.ErrUnsupported) || errors.Is(err, sock.ErrNotFound) {
		// Not on this host, or gone: nobody can tell what it has read.
		sleep.For(context.Background(), unverifiedGap)
		return nil
	}
	return err
}

// wireSent returns how many bytes the peer's socket has taken.
func (p *Peer) wireSent() int64 {
	if wrapped, ok := p.conn.(link.WrappedConn); ok {
		sent, _ := wrapped.WireCounts()
		return sent
	}
	return p.Sent()
}

// unverifiedGap is between two pieces where nobody can tell what was read.
const unverifiedGap = 20 * time.Millisecond

// tcpAddr returns the address of a TCP socket, or none.
func tcpAddr(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort()
	}
	return netip.AddrPort{}
}

// String tells which end it is, and how much it has sent and received.
func (p *Peer) String() string {
	who := "client"
	if p.number > 0 {
		who = fmt.Sprintf("server's peer %d", p.number)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%s (sent %s, received %s, then: %s)", who, plural.Count(p.sent, "byte"), plural.Count(int64(len(p.data)), "byte"), p.ending)
}
