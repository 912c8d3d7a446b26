package tlsconn

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sockharness/harness/harness/link"
)

// tcpPair returns the two ends of a connection.
func tcpPair(t *testing.T) (client, server link.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// TestOpeningConn says a line in each direction before TLS. The server reads ahead into the
// handshake, as one does that reads as much as there is.
func TestOpeningConn(t *testing.T) {
	authority, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	clientConn, serverConn := tcpPair(t)
	client := WrapClient(WithOpening(clientConn, func(_ context.Context, c link.Conn) ([]byte, error) {
		if _, err := io.WriteString(c, "STARTTLS\n"); err != nil {
			return nil, err
		}
		_, err := io.ReadFull(c, make([]byte, 3))
		return nil, err
	}), &tls.Config{InsecureSkipVerify: true})
	server := WrapServer(WithOpening(serverConn, func(_ context.Context, c link.Conn) ([]byte, error) {
		if _, err := io.ReadFull(c, make([]byte, 9)); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(c, "go\n"); err != nil {
			return nil, err
		}
		ahead := make([]byte, 20)
		_, err := io.ReadFull(c, ahead)
		return ahead, err
	}), &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return authority.issueFor(h, nil) }})
	echoed := make(chan error, 1)
	go func() {
		b := make([]byte, 5)
		_, err := io.ReadFull(server, b)
		if err == nil {
			_, err = server.Write(b)
		}
		echoed <- err
	}()
	if _, err := io.WriteString(client, "hello"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if _, err := io.ReadFull(client, b); err != nil || string(b) != "hello" {
		t.Errorf("got %q, %v", b, err)
	}
	if err := <-echoed; err != nil {
		t.Error(err)
	}
	if sent, _ := client.WireCounts(); sent <= 9 {
		t.Errorf("%d bytes were sent, those before TLS among them", sent)
	}
}

// TestOpeningConnKeepsDeadlines sets one while the plaintext is under way, which has deadlines of
// its own.
func TestOpeningConnKeepsDeadlines(t *testing.T) {
	clientConn, _ := tcpPair(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	start := WithOpening(clientConn, func(_ context.Context, c link.Conn) ([]byte, error) {
		close(begun)
		<-goOn
		return nil, c.SetDeadline(time.Time{})
	})
	failed := make(chan error, 1)
	go func() {
		_, err := start.Read(make([]byte, 1))
		failed <- err
	}()
	<-begun
	_ = start.SetReadDeadline(time.Unix(1, 0))
	close(goOn)
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestOpeningConnFails(t *testing.T) {
	clientConn, _ := tcpPair(t)
	client := WrapClient(WithOpening(clientConn, func(context.Context, link.Conn) ([]byte, error) {
		return nil, errors.New("before TLS: no")
	}), &tls.Config{InsecureSkipVerify: true})
	if err := client.RunHandshake(t.Context()); err == nil || !strings.Contains(err.Error(), "before TLS: no") {
		t.Errorf("got %v", err)
	}
}
