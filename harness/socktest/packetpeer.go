package socktest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/plural"
)

// maxDatagram is more than the longest payload of a datagram.
const maxDatagram = 64 << 10

// A PacketPeer is a UDP client that the test plays itself: a socket that is connected to
// one address. Its methods are for one goroutine. A verb that does not get what it wants
// fails the test and does not return.
type PacketPeer struct {
	tb     testing.TB
	conn   net.Conn
	within time.Duration

	mu       sync.Mutex // guards what follows
	received []string
}

// DialPacket returns a UDP client of "host:port", which is closed when the test ends. The
// option is [Within].
func DialPacket(tb testing.TB, addr string, opts ...Option) *PacketPeer {
	tb.Helper()
	o, err := readOptions(opts, "Within")
	var at string
	if err == nil {
		at, err = udpAddress(addr, false)
	}
	var conn net.Conn
	if err == nil {
		conn, err = net.Dial("udp", at)
	}
	if err != nil {
		tb.Fatalf("socktest: dial %s: %v", addr, err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return &PacketPeer{tb: tb, conn: conn, within: o.within}
}

// Addr returns the client's own address.
func (p *PacketPeer) Addr() string { return p.conn.LocalAddr().String() }

// Received returns all datagrams that were read so far, in that order.
func (p *PacketPeer) Received() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.received)
}

// Send sends the datagrams, each as one.
func (p *PacketPeer) Send(datagrams ...string) {
	p.tb.Helper()
	for i, d := range datagrams {
		_, err := p.conn.Write([]byte(d))
		if errors.Is(err, syscall.ECONNREFUSED) {
			// It tells of one before, and has sent nothing (udp(7)).
			_, err = p.conn.Write([]byte(d))
		}
		if err != nil {
			p.tb.Fatalf("socktest: %v: send: datagram %d of %d: %v", p, i+1, len(datagrams), err)
		}
	}
}

// Next returns the next datagram, whatever it is.
func (p *PacketPeer) Next() string {
	p.tb.Helper()
	got, err := p.receive(p.within)
	if err != nil {
		p.tb.Fatalf("socktest: %v: next: %s", p, p.missing(err))
	}
	return got
}

// Want reads the next datagram, which must be the text.
func (p *PacketPeer) Want(text string) {
	p.tb.Helper()
	got, err := p.receive(p.within)
	switch {
	case err != nil:
		p.tb.Fatalf("socktest: %v: want %q: %s", p, text, p.missing(err))
	case got != text:
		p.tb.Fatalf("socktest: %v: want: the datagram differs\n%s", p, dialogue.DescribeDifference([]byte(text), []byte(got)))
	}
}

// WantSilence waits so long, in which no datagram may come.
func (p *PacketPeer) WantSilence(d time.Duration) {
	p.tb.Helper()
	got, err := p.receive(d)
	if err == nil {
		p.tb.Fatalf("socktest: %v: want silence for %v: got %q", p, d, got)
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		p.tb.Fatalf("socktest: %v: want silence for %v: %v", p, d, err)
	}
}

// WantRefused waits until ICMP says that nobody listens there, which answers a datagram
// that was sent before.
func (p *PacketPeer) WantRefused() {
	p.tb.Helper()
	got, err := p.receive(p.within)
	switch {
	case err == nil:
		p.tb.Fatalf("socktest: %v: want a refusal: got %q", p, got)
	case !errors.Is(err, syscall.ECONNREFUSED):
		p.tb.Fatalf("socktest: %v: want a refusal: %s", p, p.missing(err))
	}
}

func (p *PacketPeer) receive(within time.Duration) (string, error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(within))
	buffer := make([]byte, maxDatagram)
	n, err := p.conn.Read(buffer)
	if err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received = append(p.received, string(buffer[:n]))
	return string(buffer[:n]), nil
}

func (p *PacketPeer) missing(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Sprintf("nothing came for %v", p.within)
	}
	return err.Error()
}

// String tells which end it is, and how much it has received.
func (p *PacketPeer) String() string {
	return fmt.Sprintf("UDP client %s (received %s)", p.Addr(), plural.Count(len(p.Received()), "datagram"))
}

// A PacketServer is a UDP server that the test plays itself. Its methods are safe for
// concurrent use.
type PacketServer struct {
	tb     testing.TB
	answer func(datagram string) []string
	conn   net.PacketConn
	served sync.WaitGroup

	mu       sync.Mutex // guards what follows
	received []string
}

// NewPacketServer starts a server that calls answer for each datagram, one after the other
// in a goroutine of its own, and sends what that returns to the sender, each text as one
// datagram. When the test ends the server is closed. A panic of answer fails the test. The
// option is [Listen].
func NewPacketServer(tb testing.TB, answer func(datagram string) []string, opts ...Option) *PacketServer {
	tb.Helper()
	s := &PacketServer{tb: tb, answer: answer}
	if err := s.start(opts); err != nil {
		tb.Fatalf("socktest: packet server: %v", err)
	}
	tb.Cleanup(s.Close)
	return s
}

func (s *PacketServer) start(opts []Option) error {
	o, err := readOptions(opts, "Listen")
	if err == nil && s.answer == nil {
		err = errors.New("the function that answers is nil")
	}
	if err != nil {
		return err
	}
	at, err := udpAddress(o.listen, true)
	if err != nil {
		return err
	}
	if s.conn, err = net.ListenPacket("udp", at); err == nil {
		s.served.Go(s.serve)
	}
	return err
}

// serve answers until the socket is closed.
func (s *PacketServer) serve() {
	buffer := make([]byte, maxDatagram)
	for {
		n, from, err := s.conn.ReadFrom(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			continue // ICMP that answers a datagram of ours
		}
		text := string(buffer[:n])
		s.mu.Lock()
		s.received = append(s.received, text)
		s.mu.Unlock()
		for _, one := range s.answerOne(text) {
			_, _ = s.conn.WriteTo([]byte(one), from) // who is gone gets nothing
		}
	}
}

func (s *PacketServer) answerOne(text string) []string {
	defer func() {
		if v := recover(); v != nil && !isGinkgoFailure(v) {
			defer func() { _ = recover() }() // Ginkgo's Errorf panics
			s.tb.Errorf("socktest: the packet server's function panicked at %q: %v\n%s", text, v, debug.Stack())
		}
	}()
	return s.answer(text)
}

// Addr returns the address that clients send to, "host:port".
func (s *PacketServer) Addr() string { return s.conn.LocalAddr().String() }

// Received returns all datagrams so far, in the order in which they came.
func (s *PacketServer) Received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

// Close ends the server before the test does, and waits for the call of answer that is
// under way. It may be called more than once.
func (s *PacketServer) Close() {
	_ = s.conn.Close()
	s.served.Wait()
}
