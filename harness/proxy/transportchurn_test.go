package proxy

import (
	"bytes"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/tlsconn"
)

// Edits interrupt reads of TLS wherever they are in a record, and of unix sockets;
// no byte is lost, and the streams end as they should.
func TestEditsOfOtherTransportsLoseNothing(t *testing.T) {
	a := newAuthority(t)
	_, _, ca := files(t, a)
	both := func(c *Config) {
		generated(a)(c)
		c.TLS.Originate = &tlsconn.Originate{CA: ca, ServerName: "localhost"}
	}
	for name, test := range map[string]struct {
		from, to string
		change   func(*Config)
	}{
		"tls on both sides": {"tcp", "tcp", both}, "tls terminated, to unix": {"tcp", "unix", generated(a)}, "unix": {"unix", "unix", nil},
	} {
		t.Run(name, func(t *testing.T) {
			x := newCrossing(t, test.from, test.to, test.change)
			client, server := x.streams(t, a, test.change != nil, name == "tls on both sides")
			data := noise(1 << 20)
			done := make(chan struct{}, 2)
			for _, way := range [][2]stream{{client, server}, {server, client}} {
				go func() {
					_, _ = way[0].Write(data)
					_ = way[0].CloseWrite()
				}()
				go func() {
					defer func() { done <- struct{}{} }()
					got, err := io.ReadAll(way[1])
					if endingFor(err) != event.EOF || !bytes.Equal(got, data) {
						t.Errorf("got %d bytes and %v, want %d", len(got), err, len(data))
					}
				}()
			}
			dice := rand.New(rand.NewPCG(3, 4))
			for left := 2; left > 0; {
				select {
				case <-done:
					left--
				default:
					x.set(randomChain(dice, dice.IntN(4))...)
				}
			}
			x.wantClosed()
		})
	}
}

// A stream is what both [tls.Conn] and a socket are.
type stream interface {
	net.Conn
	CloseWrite() error
}

// streams returns both ends of a connection, which speak TLS where they are to.
func (x *crossing) streams(t *testing.T, a *tlsconn.Authority, clientTLS, serverTLS bool) (client, server stream) {
	t.Helper()
	raw := x.mustDial()
	client = raw
	shaken := make(chan error, 1)
	if clientTLS {
		c := tls.Client(raw, trusting(a, "localhost"))
		client = c
		go func() { shaken <- c.Handshake() }()
	} else {
		shaken <- nil
	}
	server = x.accept()
	if serverTLS {
		s := tls.Server(server, serving(t, a))
		if err := s.Handshake(); err != nil {
			t.Fatal(err)
		}
		server = s
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	x.wantLinks()
	return client, server
}
