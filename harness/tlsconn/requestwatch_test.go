package tlsconn

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/sockharness/harness/harness/link"
)

// sentByClient is what a client of crypto/tls sends until its handshake is done, and then.
func sentByClient(t *testing.T, version uint16) (handshake, request []byte) {
	t.Helper()
	serverConfig, clientConfig := configs(t)
	serverConfig.MaxVersion = version
	dialled, accepted := pair(t)
	var sent []byte
	client := WrapClient(&RecordConn{Conn: dialled, Send: func(c link.Conn, _ int, r Record) error {
		sent = append(sent, r...)
		_, err := c.Write(r)
		return err
	}}, clientConfig)
	done := make(chan error, 1)
	go func() { done <- WrapServer(accepted, serverConfig).RunHandshake(context.Background()) }()
	if err := client.RunHandshake(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	handshake, sent = sent, nil
	if _, err := client.Write([]byte("request")); err != nil {
		t.Error(err)
	}
	return handshake, sent
}

// Whatever pieces the handshake is sent in, it is not taken for a request, and the header of a
// request tells.
func TestRequestWatch(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		handshake, request := sentByClient(t, version)
		for _, size := range []int{1, 3, 7, len(handshake)} {
			var w RequestWatch
			said := []byte("STARTTLS\r\n")
			for _, b := range append([][]byte{said}, pieces(handshake, size)...) {
				if w.Look(b, version == tls.VersionTLS13) {
					t.Errorf("version %x: a part of the handshake, in pieces of %d bytes, is taken for a request", version, size)
				}
			}
			if w.Look(request[:4], version == tls.VersionTLS13) || !w.Look(request[4:], version == tls.VersionTLS13) {
				t.Errorf("version %x: the request is not found behind pieces of %d bytes", version, size)
			}
		}
		var w RequestWatch
		if !w.Look(append(handshake, request...), version == tls.VersionTLS13) {
			t.Errorf("version %x: a request that leaves with the end of the handshake is not found", version)
		}
	}
}

func pieces(b []byte, size int) (out [][]byte) {
	for len(b) > 0 {
		n := min(size, len(b))
		out, b = append(out, b[:n]), b[n:]
	}
	return out
}
