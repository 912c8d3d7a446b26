package scenario

import (
	"context"
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
	opened := tlsconn.WithOpening(conn, OpeningOf(before, side))
	var secured *tlsconn.Conn
	if side == event.Server {
		secured = tlsconn.WrapServer(opened, c.Server)
	} else {
		secured = tlsconn.WrapClient(opened, c.Client)
	}
	if err := secured.RunHandshake(ctx); err != nil {
		secured.Close()
		return nil, err
	}
	return secured, nil
}

// OpeningOf is what the harness says as the given side before TLS; nil where nothing is said.
func OpeningOf(before *dialogue.Script, side event.Side) tlsconn.OpeningConversation {
	if before == nil {
		return nil
	}
	play := before.PlayClient
	if side == event.Server {
		play = before.PlayServer
	}
	return func(ctx context.Context, conn link.Conn) ([]byte, error) {
		played := play(ctx, conn, dialogue.Options{NoEnd: true})
		if err := played.Err(); err != nil {
			return nil, fmt.Errorf("before TLS: %w", err)
		}
		return played.Unread, nil
	}
}
