package tls

import (
	"context"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/tlsconn"
)

func injectedPlaintext() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/injected-plaintext",
		Title: "Bytes that came in plaintext are not read as part of the TLS session",
		Rationale: "Programs read ahead. When TLS begins after STARTTLS, a buffer may hold bytes that a third party sent " +
			"before. A server that goes on reading from that buffer executes a stranger's command in the session of its " +
			"client. A client takes a stranger's bytes for what its server says.",
		Ref:   "RFC 3207 §4.2; CVE-2011-0411, CVE-2021-22947; https://nostarttls.secvuln.info",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			switch {
			case c.Conversation.Script == nil:
				return nil, requireScript(c)
			case !c.Target.StartsTLS():
				return nil, c.UnsupportedErrorf("the dialogue starts TLS with the connection, not later (tls: start)")
			case len(c.Conversation.Upstream.FirstSpoken()) == 0:
				return nil, c.UnsupportedErrorf("the client says nothing within TLS")
			}
			before, err := c.Target.ParseBeforeTLS()
			if err != nil {
				return nil, err
			}
			if c.Role == scenario.Client {
				return gluedAnswer(c, before)
			}
			return []scenario.Variant{serverAct(c, "", func(ctx context.Context, rig scenario.Rig) error { return inject(ctx, rig, c, before) })}, nil
		},
	}
}

// inject sends a request in plaintext right behind the one for TLS, and then holds the
// conversation within TLS: an answer to that request would come before the others.
func inject(ctx context.Context, rig scenario.Rig, c scenario.Case, before *dialogue.Dialogue) error {
	opening, err := before.ResolveScript(seed.New(1))
	if err != nil {
		return err
	}
	wire, err := rig.DialWire(ctx)
	if err != nil {
		return err
	}
	defer wire.Close()
	raw := wire
	if held, ok := wire.(*tlsconn.OpeningConn); ok {
		raw = held.Conn
	}
	opening.Steps = slices.Clone(opening.Steps)
	last := &opening.Steps[len(opening.Steps)-1]
	last.Send = slices.Concat(last.Send, c.Conversation.Upstream.FirstSpoken())
	watched, stop := rig.WatchProgress(ctx, func() bool { return true }, nil)
	defer stop()
	played := opening.PlayClient(watched, raw, dialogue.Options{NoEnd: true})
	if !played.OK() {
		rig.ReportStruck("a request in plaintext came with the one for TLS, and the server did not begin TLS")
		return nil
	}
	rig.ReportStruck("a request in plaintext came with the one for TLS")
	config, err := rig.ClientTLS()
	if err != nil {
		return err
	}
	secure := tlsconn.WrapClient(tlsconn.WithOpening(raw, func(context.Context, link.Conn) ([]byte, error) { return played.Unread, nil }), config)
	if secure.RunHandshake(watched) != nil {
		return nil // it ends a session in which it was said too much
	}
	within := c.Conversation.Script.PlayClient(watched, secure, dialogue.Options{})
	if within.OK() || within.Mismatch == nil && within.Ending != event.Timeout {
		return nil
	}
	return fmt.Errorf("the server read within TLS what had come in plaintext, or lost count of its answers: %w", within.Err())
}
