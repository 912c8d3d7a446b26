package tls

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/seed"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// gluedAnswer has a client get, in plaintext and right behind the answer to its request for TLS,
// an answer to what it asks first within TLS.
func gluedAnswer(c scenario.Case, before *dialogue.Dialogue) ([]scenario.Variant, error) {
	answer := c.Conversation.Downstream.FirstSpoken()
	if len(answer) == 0 {
		return nil, c.UnsupportedErrorf("the server says nothing within TLS")
	}
	opening, err := before.ResolveScript(seed.New(1))
	if err != nil {
		return nil, err
	}
	v := gluing{c: c, opening: opening, answer: answer}.play().variant()
	v.Run = func(ctx context.Context, rig scenario.Rig) error {
		return gluing{c: c, opening: opening, answer: answer}.play().run(ctx, rig) // a run may be repeated
	}
	return []scenario.Variant{v}, nil
}

// A gluing is one run of that.
type gluing struct {
	c       scenario.Case
	opening *dialogue.Script
	answer  []byte
}

// earlyTime is how long the harness waits, before its own first answer within TLS, for the client
// to go on without it.
const earlyTime = 300 * time.Millisecond

func (g gluing) play() clientPlay {
	early := &atomic.Bool{} // the client went on before it was answered
	p := clientPlay{c: g.c, struck: "an answer in plaintext came with the one for TLS"}
	p.verdict = func(c scenario.Case, s scenario.ClientState) error {
		if early.Load() {
			return fmt.Errorf("the client read within TLS what had come in plaintext: it sent its second request before its first one was answered")
		}
		return completesOrFails(c, s)
	}
	p.serve = func(ctx context.Context, rig scenario.Rig, raw sock.Conn) error { return g.serve(ctx, rig, raw, early) }
	return p
}

func (g gluing) serve(ctx context.Context, rig scenario.Rig, raw sock.Conn, early *atomic.Bool) error {
	if held, ok := raw.(*tlsconn.OpeningConn); ok {
		raw = held.Conn
	}
	w := &gluer{Conn: raw}
	opened := g.opening.PlayServer(ctx, w, dialogue.Options{LeaveOpen: true, BeforeReply: func(i int) error {
		if i == len(g.opening.Steps)-1 {
			w.glue = g.answer
		}
		return nil
	}})
	if !opened.OK() {
		return nil // a client that does not go along is judged by how it ends
	}
	config, _, err := rig.ServerTLS()
	if err != nil {
		return err
	}
	secure := tlsconn.WrapServer(tlsconn.WithOpening(raw, func(context.Context, link.Conn) ([]byte, error) { return opened.Unread, nil }), config)
	if secure.RunHandshake(ctx) != nil {
		return nil // it ends a session in which too much was said
	}
	heard := &heardConn{Conn: secure, more: make(chan struct{}, 1)}
	answered := false
	g.c.Conversation.Script.PlayServer(ctx, heard, dialogue.Options{BeforeReply: func(i int) error {
		if !answered && heard.awaitMore(ctx, g.c.Conversation.Upstream.ExchangeEnds[max(i, 0)]) {
			early.Store(true)
		}
		answered = true
		return nil
	}})
	return nil
}

// A gluer sends bytes behind those of the next write, in the same segment.
type gluer struct {
	sock.Conn
	glue []byte // nil: none
}

// Write implements [net.Conn].
func (w *gluer) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(append(append([]byte(nil), p...), w.glue...))
	w.glue = nil
	return min(n, len(p)), err
}

// A heardConn counts what is read.
type heardConn struct {
	sock.Conn
	bytes atomic.Int64
	more  chan struct{} // gets one element, at most, when bytes have come
}

// Read implements [net.Conn].
func (h *heardConn) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.bytes.Add(int64(n))
	select {
	case h.more <- struct{}{}:
	default:
	}
	return n, err
}

// awaitMore reports whether more than n bytes are read within the time.
func (h *heardConn) awaitMore(ctx context.Context, n int64) bool {
	ctx, cancel := context.WithTimeout(ctx, earlyTime)
	defer cancel()
	for h.bytes.Load() <= n {
		select {
		case <-h.more:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
