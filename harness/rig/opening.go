package rig

import (
	"context"
	"fmt"
	"sync"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// An openingLog keeps what was seen of what is said before TLS in the control.
type openingLog struct {
	mu    sync.Mutex       // guards what follows
	first *dialogue.Played // nil: it was not played
}

// watch has the log see what the proxy says before TLS with the peer under test.
func (l *openingLog) watch(c *tlsconn.Config, before *dialogue.Script) {
	keep := func(p dialogue.Played) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.first == nil && p.OK() {
			l.first = &p
		}
	}
	if c.BeforeServer != nil && c.Originate != nil {
		c.BeforeServer = scenario.SeenOpening(before, event.Client, keep)
	} else if c.BeforeClient != nil {
		c.BeforeClient = scenario.SeenOpening(before, event.Server, keep)
	}
}

// conversation is what is said before TLS, as the control has seen it; nil: nothing is.
func (l *openingLog) conversation(before *dialogue.Script, role event.Side) *scenario.Conversation {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before == nil || l.first == nil {
		return nil
	}
	if role == event.Server {
		return openingAsked(before, l.first.Received[:len(l.first.Received)-len(l.first.Unread)])
	}
	c := scenario.ScriptedConversation(before.WithReplies(*l.first))
	c.Script = before
	return &c
}

// openingAsked is what is said before TLS if the client asks so.
func openingAsked(before *dialogue.Script, requests []byte) *scenario.Conversation {
	c := scenario.ScriptedConversation(before.WithRequests(requests))
	c.Script = before
	return &c
}

// ClientOpening is what a client program that has sent the requests, and its server, say before TLS;
// nil: nothing is. Start must have returned.
func (b *Testbed) ClientOpening(requests []byte) *scenario.Conversation {
	if b.before == nil {
		return nil
	}
	return openingAsked(b.before, requests)
}

// playBoth plays the client of what is said before TLS, and then of the rest within TLS, on a
// connection without TLS of its own. It closes the connection.
func (b *Testbed) playBoth(ctx context.Context, conn sock.Conn, o *scenario.Observation) {
	opening := b.before.PlayClient(ctx, conn, dialogue.Options{LeaveOpen: true})
	o.Played = &opening
	if !opening.OK() {
		return
	}
	rest := dialogue.Played{}
	secured, err := b.tls.SecureAfter(ctx, conn, opening, event.Client)
	if err == nil {
		rest = b.script.PlayClient(ctx, secured, dialogue.Options{})
	} else {
		rest.ReadEnding, rest.Incomplete = dialogue.EndingOf(err), fmt.Sprintf("TLS did not begin: %v", err)
		rest.Ending = rest.ReadEnding
	}
	opening.ReadEnding, opening.WriteEnding, opening.Ending = rest.ReadEnding, rest.WriteEnding, rest.Ending
	o.Whole = &rest
}

// An opener plays the server of what is said before TLS, and does the handshake. It closes the
// connection where that fails.
type opener func(ctx context.Context, conn sock.Conn) (sock.Conn, error)

// openingFor is how a server of ours begins in a variant: nil where a proxy does that for it.
func (b *Testbed) openingFor(v scenario.Variant) opener {
	if !v.Before {
		return nil
	}
	return func(ctx context.Context, conn sock.Conn) (sock.Conn, error) {
		opening := b.before.PlayServer(ctx, conn, dialogue.Options{LeaveOpen: true})
		if err := opening.Err(); err != nil {
			return nil, err
		}
		return b.tls.SecureAfter(ctx, conn, opening, event.Server)
	}
}
