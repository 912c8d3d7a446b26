package scenario

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// Secure says what comes before TLS as the given side, where before is not nil, and does the
// handshake. It blocks until ctx ends, and closes the connection when it fails. A nil
// certification is none over TLS: the connection is returned as it is.
func (c *Certification) Secure(ctx context.Context, conn sock.Conn, before *dialogue.Script, side event.Side) (sock.Conn, error) {
	if c == nil {
		return conn, nil
	}
	return handshaken(ctx, c.wrap(tlsconn.WithOpening(conn, OpeningOf(before, side)), side))
}

// SecureServer is Secure as the server, for who wants to see the client's ClientHello before it is
// answered; see [tls.Config].GetConfigForClient.
func (c *Certification) SecureServer(ctx context.Context, conn sock.Conn, before *dialogue.Script, seeHello func(*tls.ClientHelloInfo) (*tls.Config, error)) (sock.Conn, error) {
	if c == nil {
		return conn, nil
	}
	config := c.Server.Clone()
	config.GetConfigForClient = seeHello
	return handshaken(ctx, tlsconn.WrapServer(tlsconn.WithOpening(conn, OpeningOf(before, event.Server)), config))
}

// handshaken does the handshake, and closes the connection when it fails.
func handshaken(ctx context.Context, secured *tlsconn.Conn) (sock.Conn, error) {
	if err := secured.RunHandshake(ctx); err != nil {
		secured.Close()
		return nil, err
	}
	return secured, nil
}

// wrap puts TLS on a connection, without a handshake yet.
func (c *Certification) wrap(conn sock.Conn, side event.Side) *tlsconn.Conn {
	if side == event.Server {
		return tlsconn.WrapServer(conn, c.Server)
	}
	return tlsconn.WrapClient(conn, c.ClientConfig(conn))
}

// SecureAfter does the handshake as the given side on a connection on which what comes before TLS
// was played. It blocks until ctx ends, and closes the connection when it fails.
func (c *Certification) SecureAfter(ctx context.Context, conn sock.Conn, opening dialogue.Played, side event.Side) (sock.Conn, error) {
	ahead := func(context.Context, link.Conn) ([]byte, error) { return opening.Unread, nil }
	return handshaken(ctx, c.wrap(tlsconn.WithOpening(conn, ahead), side))
}

// OpeningOf is what the harness says as the given side before TLS; nil where nothing is said.
func OpeningOf(before *dialogue.Script, side event.Side) tlsconn.OpeningConversation {
	return SeenOpening(before, side, func(dialogue.Played) {})
}

// SeenOpening is OpeningOf for who wants to see what became of it, on each connection.
func SeenOpening(before *dialogue.Script, side event.Side, seen func(dialogue.Played)) tlsconn.OpeningConversation {
	if before == nil {
		return nil
	}
	play := before.PlayClient
	if side == event.Server {
		play = before.PlayServer
	}
	return func(ctx context.Context, conn link.Conn) ([]byte, error) {
		played := play(ctx, conn, dialogue.Options{NoEnd: true})
		seen(played)
		if err := played.Err(); err != nil {
			return nil, fmt.Errorf("before TLS: %w", err)
		}
		return played.Unread, nil
	}
}
