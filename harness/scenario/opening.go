package scenario

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/tlsconn"
)

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
