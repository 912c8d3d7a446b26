package socktest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// A Server plays the server's part of each connection by a script. Its methods are
// safe for concurrent use.
type Server struct {
	tb       testing.TB
	script   func(*Peer)
	options  options
	port     *sock.Port
	listener net.Listener
	diag     *sock.Diag
	tls      *tls.Config    // nil: as any other bytes
	pool     *x509.CertPool // of who has signed its certificate
	wg       sync.WaitGroup // the accept loop and the scripts
	done     chan struct{}  // closed when the server is to end

	mu     sync.Mutex // guards what follows
	peers  []*Peer
	closed bool
}

// NewServer starts a server that calls the script for each connection, in a goroutine
// of its own. When the script returns, the server ends its stream by FIN, discards
// what the client still sends, and closes the socket when the client has closed too.
// When the test ends the server is closed with all its connections. A panic in a
// script fails the test. The options are [Listen], [Within] and [TLS].
func NewServer(tb testing.TB, script func(c *Peer), opts ...Option) *Server {
	tb.Helper()
	s := &Server{tb: tb, script: script, done: make(chan struct{})}
	if err := s.start(opts); err != nil {
		tb.Fatalf("socktest: server: %v", err)
	}
	tb.Cleanup(func() {
		defer kernel.release() // Ginkgo's Errorf panics
		s.Close()
	})
	return s
}

func (s *Server) start(opts []Option) (err error) {
	if s.script == nil {
		return errors.New("the script is nil")
	}
	if s.options, err = readOptions(opts, "Listen", "Within", "TLS"); err != nil {
		return err
	}
	if err = s.serveTLS(); err != nil {
		return err
	}
	if s.port, err = sock.BindAddress(s.options.listen, hook.SocketLimits{}); err != nil {
		return err
	}
	if s.listener, err = s.port.StartListening(); err != nil {
		_ = s.port.Close()
		return err
	}
	s.diag = kernel.acquire()
	s.wg.Go(s.acceptLoop)
	return nil
}

// acceptLoop serves clients until the listener is closed.
func (s *Server) acceptLoop() {
	for {
		conn, err := s.listener.Accept()
		select {
		case <-s.done:
			if err == nil {
				_ = conn.Close()
			}
			return
		default:
		}
		if err != nil {
			// Too many open files, or a client that is gone: try again.
			retry := time.NewTimer(time.Millisecond)
			select {
			case <-retry.C:
			case <-s.done:
				retry.Stop()
				return
			}
			continue
		}
		s.serve(conn.(sock.Conn))
	}
}

func (s *Server) serve(conn sock.Conn) {
	p := newPeer(s.tb, s.withTLS(conn), func() *sock.Diag { return s.diag }, s.options)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return
	}
	s.peers = append(s.peers, p)
	p.number = len(s.peers)
	s.wg.Go(func() {
		defer p.conn.Close()
		s.runScript(p)
	})
}

const (
	settleLimit = time.Second            // for a script that waits for bytes or an end, which are there
	otherLimit  = 100 * time.Millisecond // for one that does something else
)

// settle waits until the script has read what has come from its client so far: an end that
// came right before that of the test counts.
func (p *Peer) settle() {
	limit, other := time.NewTimer(settleLimit), time.NewTimer(otherLimit)
	defer limit.Stop()
	defer other.Stop()
	for mustRead := false; !p.over.Load(); {
		ready, err := sock.IsReadable(p.conn)
		if err != nil || !ready || mustRead && !p.reading.Load() {
			return
		}
		select {
		case <-p.moved:
		case <-other.C:
			mustRead = true
		case <-limit.C:
			return
		}
	}
}

// runScript calls the script and closes the connection behind it. The script may end
// its goroutine.
func (s *Server) runScript(p *Peer) {
	defer func() {
		p.over.Store(true)
		p.noteMove()
		if v := recover(); v != nil && !isGinkgoFailure(v) {
			defer func() { _ = recover() }() // Ginkgo's Errorf panics
			s.tb.Errorf("socktest: the script of connection %d panicked: %v\n%s", p.number, v, debug.Stack())
		}
		if !p.closed {
			p.drain()
		}
	}()
	s.script(p)
}

// isGinkgoFailure tells a failure that Ginkgo has noted from other panics.
func isGinkgoFailure(v any) bool {
	return strings.Contains(fmt.Sprint(v), "Your Test Panicked!")
}

// drain ends the peer's stream and discards what comes until the other one ends.
func (p *Peer) drain() {
	_ = p.conn.CloseWrite()
	_ = p.conn.SetReadDeadline(time.Time{})
	_, _ = io.Copy(io.Discard, p.conn)
}

// Addr returns the address that clients connect to, "host:port" or "unix:/path".
func (s *Server) Addr() string { return sock.FormatAddress(s.port.Addr()) }

// Peers returns the peers of all connections so far.
func (s *Server) Peers() []*Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Peer(nil), s.peers...)
}

// Close ends the server with all its connections before the test does, and waits for
// the scripts. It may be called more than once.
func (s *Server) Close() {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	peers := append([]*Peer(nil), s.peers...)
	s.mu.Unlock()
	if closed {
		return
	}
	close(s.done)
	_ = s.port.Close()
	for _, p := range peers {
		p.settle()
		_ = p.conn.Close()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.wg.Wait()
	}()
	limit := time.NewTimer(closeTimeout)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
		s.tb.Errorf("socktest: a script of the server has not returned %v after the end of the test, and its goroutine is left", closeTimeout)
	}
}

// isNotConnected reports that the socket's connection is gone already.
func isNotConnected(err error) bool { return errors.Is(err, syscall.ENOTCONN) }
