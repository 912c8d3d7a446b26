package tls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// playWhole plays the server's side of the dialogue. That the client does not go along is
// judged by how it ends.
func playWhole(ctx context.Context, c scenario.Case, e *end) error {
	defer e.Close()
	c.Conversation.Script.PlayServer(ctx, e, dialogue.Options{})
	return nil
}

// A cutter sends the plaintext up to an offset, and then does something else. What was
// asked to be sent up to there has left in records of its own.
type cutter struct {
	sock.Conn
	at   int64 // offset
	sent int64
	then func(rest []byte) error // what is to happen there; its error is that of the Write
}

// Write implements [net.Conn].
func (w *cutter) Write(p []byte) (int, error) {
	if w.sent+int64(len(p)) <= w.at {
		n, err := w.Conn.Write(p)
		w.sent += int64(n)
		return n, err
	}
	ahead := w.at - w.sent
	if ahead > 0 {
		n, err := w.Conn.Write(p[:ahead])
		if w.sent += int64(n); err != nil {
			return n, err
		}
	}
	if err := w.then(p[ahead:]); err != nil {
		return int(ahead), err
	}
	return len(p), nil
}

// CloseWrite implements [sock.Conn]: the cut comes at the end of the stream at the latest.
func (w *cutter) CloseWrite() error {
	if w.sent >= w.at {
		return w.then(nil)
	}
	return w.Conn.CloseWrite()
}

// places returns offsets inside the messages of a stream: in the middle of the longest one
// and in that of the last one that is spoken.
func places(s scenario.Stream) []int64 {
	var out []int64
	if start, length := s.LongestMessage(); length > 1 {
		out = append(out, start+length/2)
	}
	if last := lastPlace(s); len(last) > 0 && !slices.Contains(out, last[0]) {
		out = append(out, last...)
	}
	return out
}

// lastPlace returns the offset in the middle of the last message that is spoken, after
// which the other side has nothing to do that could fail for another reason.
func lastPlace(s scenario.Stream) []int64 {
	starts := s.MessageStarts()
	for i := len(starts) - 1; i >= 0; i-- {
		if length := s.MessageEnds[i] - starts[i]; length > 1 {
			return []int64{starts[i] + length/2}
		}
	}
	return nil
}

// cutAt returns the variant in which the answers go as far as an offset, and then does what
// is left to be done. It may have the records changed from there.
func (p clientPlay) cutAt(at int64, change func(tlsconn.Record) tlsconn.Record, then func(e *end, rest []byte, changing *bool) error) scenario.Variant {
	p.serve = func(ctx context.Context, rig scenario.Rig, raw sock.Conn) error {
		changing := false
		e, err := acceptTLS(rig, raw, nil, changeRecords(&changing, change))
		if err != nil {
			return err
		}
		w := &cutter{Conn: e, at: at, then: func(rest []byte) error { return errors.Join(then(e, rest, &changing), errCut) }}
		p.c.Conversation.Script.PlayServer(ctx, w, dialogue.Options{})
		drain(raw)
		return nil
	}
	return p.variant()
}

// writeChanged writes the beginning of the rest, a byte at least, in records that are changed.
func writeChanged(e *end, rest []byte, changing *bool) error {
	*changing = true
	if len(rest) == 0 {
		rest = []byte{0}
	}
	_, err := e.Conn.Write(rest[:min(len(rest), 8<<10)])
	return err
}

func cutInRecord() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/cut-in-record",
		Title: "A stream that ends inside a record is cut off, not complete",
		Rationale: "Half a record cannot be read, so the bytes before it look whole, and several libraries report only the end " +
			"of the stream. A server that executes them, or a client that calls them an answer, takes half a message for " +
			"a whole one.",
		Ref:   "RFC 8446 §6.1; ktls#74, pyopenssl#229",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireScript(c); err != nil {
				return nil, err
			}
			var out []scenario.Variant
			for _, how := range endings {
				if c.Role == scenario.Server {
					out = append(out, serverAct(c, string(how), func(ctx context.Context, rig scenario.Rig) error {
						return cutRequest(ctx, rig, c, how)
					}))
					continue
				}
				for _, at := range places(c.Conversation.Downstream) {
					out = append(out, recordCutByServer(c, at, how))
				}
			}
			return out, nil
		},
	}
}

func recordCutByServer(c scenario.Case, at int64, how ending) scenario.Variant {
	p := clientPlay{c: c, name: fmt.Sprintf("byte=%d, %s", at, how), struck: "a record of the answer was cut in its middle", verdict: truncationVerdict(c)}
	return p.cutAt(at, halve, func(e *end, rest []byte, changing *bool) error {
		if err := writeChanged(e, rest, changing); err != nil {
			return err
		}
		return how.finish(e.socket)
	})
}

// truncationVerdict is for an answer that is cut off without close_notify: an error, and
// where only the end of the stream ends it, what the target declares.
func truncationVerdict(c scenario.Case) func(scenario.Case, scenario.ClientState) error {
	if !c.UntilEOF() {
		return mustFail
	}
	return func(c scenario.Case, s scenario.ClientState) error {
		err := mustFail(c, s)
		if err == nil || s.TimedOut || c.Target.Policies.TLSFin == scenario.TLSFinFails {
			return err
		}
		if c.Target.Policies.TLSFin == scenario.TLSFinEnds {
			return nil
		}
		return scenario.NewUndeclared("policies: {tls_fin: error}, or end if a FIN without close_notify ends the answer",
			"an answer that was cut off without close_notify passed for a whole one: %v", err)
	}
}

// cutRequest sends half of the first request, and of the rest a record that is cut in its
// middle.
func cutRequest(ctx context.Context, rig scenario.Rig, c scenario.Case, how ending) error {
	half, rest, err := halvesOfRequest(c)
	if err != nil {
		return err
	}
	cut := false
	e, err := dialTLS(ctx, rig, nil, changeRecords(&cut, halve))
	if err != nil {
		return err
	}
	defer e.socket.Close()
	if _, err := e.Conn.Write(half); err != nil {
		return err
	}
	cut = true
	if _, err := e.Conn.Write(rest); err != nil {
		return err
	}
	sent, _ := e.WireCounts()
	awaitRead(ctx, rig, e.socket, int(sent))
	if err := how.finish(e.socket); err != nil {
		return err
	}
	rig.ReportStruck("a record of the request was cut in its middle")
	if how == byRST {
		return nil
	}
	got, err := awaitEnd(ctx, rig, e, "its client's FIN inside a record")
	return first(err, notAnswered(c, got))
}

// notAnswered returns an error, or what is to be declared, when a server has answered a
// first request of which half was cut off.
func notAnswered(c scenario.Case, got []byte) error {
	down := c.Conversation.Downstream
	got = got[min(int64(len(got)), down.Greeting):]
	declared := c.Target.Policies.Truncated
	if len(got) == 0 || declared == scenario.TruncationAccepted || declared == scenario.TruncationError {
		return nil
	}
	from, to := down.ExchangeRange(0)
	whole := to > from && int64(len(down.Bytes)) >= to && bytes.HasPrefix(got, down.Bytes[from:to])
	if declared == scenario.TruncationIgnored || whole {
		return fmt.Errorf("the server answered a request that was cut off: %.60q", got)
	}
	return scenario.NewUndeclared("policies: {truncated: ignored}", "the server answered a request that was cut off: %.60q", got)
}

func noCloseNotify() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/no-close-notify",
		Title: "A FIN without close_notify is not taken for the end of a message",
		Rationale: "A third party between the two can send a FIN, so only close_notify says that the sender has ended. A " +
			"protocol with lengths or delimiters notices what is missing; one whose answers end with the stream does not. " +
			"Half of the clients in use accept it there, so the target declares what is meant: tls_fin.",
		Ref:   "RFC 8446 §6.1; RFC 9112 §9.8; CVE-2022-48560",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireScript(c); err != nil {
				return nil, err
			}
			if c.Role == scenario.Server {
				half := serverAct(c, "", func(ctx context.Context, rig scenario.Rig) error { return halfThenFIN(ctx, rig, c) })
				return append([]scenario.Variant{half}, cutUploads(c)...), nil
			}
			out := []scenario.Variant{finAlone(c, "whole", c.Conversation.Downstream.ByteCount(), wholeVerdict)}
			for _, at := range places(c.Conversation.Downstream) {
				out = append(out, finAlone(c, fmt.Sprintf("byte=%d", at), at, truncationVerdict(c)))
			}
			return append(out, cutDownloads(c)...), nil
		},
	}
}

// finAlone ends the answers at an offset by a FIN.
func finAlone(c scenario.Case, name string, at int64, verdict func(scenario.Case, scenario.ClientState) error) scenario.Variant {
	if at == 0 || at < c.Conversation.Downstream.ByteCount() {
		p := clientPlay{c: c, name: name, struck: "the answer ended by a FIN without close_notify", verdict: verdict}
		return p.cutAt(at, nil, func(e *end, _ []byte, _ *bool) error { return e.socket.CloseWrite() })
	}
	return clientPlay{c: c, name: name, struck: "the answers were whole, and ended by a FIN without close_notify", verdict: verdict,
		serve: func(ctx context.Context, rig scenario.Rig, raw sock.Conn) error {
			e, err := acceptTLS(rig, raw, nil, nil)
			if err != nil {
				return err
			}
			c.Conversation.Script.PlayServer(ctx, e, dialogue.Options{NoEnd: true})
			if e.socket.CloseWrite() == nil {
				drain(raw)
			}
			return nil
		}}.variant()
}

// wholeVerdict is for answers that are whole and end by a FIN alone.
func wholeVerdict(c scenario.Case, s scenario.ClientState) error {
	declared := c.Target.Policies.TLSFin
	if declared == scenario.TLSFinEnds {
		return mustComplete(c, s)
	}
	if declared == scenario.TLSFinFails && c.UntilEOF() {
		return mustFail(c, s)
	}
	return completesOrFails(c, s)
}

// halfThenFIN sends half of the first request and a FIN without close_notify.
func halfThenFIN(ctx context.Context, rig scenario.Rig, c scenario.Case) error {
	half, _, err := halvesOfRequest(c)
	if err != nil {
		return err
	}
	e, err := dialTLS(ctx, rig, nil, nil)
	if err != nil {
		return err
	}
	defer e.socket.Close()
	if _, err := e.Conn.Write(half); err != nil {
		return err
	}
	sent, _ := e.WireCounts()
	awaitRead(ctx, rig, e.socket, int(sent))
	if err := e.socket.CloseWrite(); err != nil {
		return err
	}
	rig.ReportStruck("half of a request, and a FIN without close_notify")
	got, err := awaitEnd(ctx, rig, e, "half of a request and a FIN without close_notify")
	if c.UntilEOF() && len(got) > 0 {
		switch c.Target.Policies.TLSFin {
		case scenario.TLSFinEnds:
			return err
		case scenario.TLSFinUndeclared:
			return first(err, scenario.NewUndeclared("policies: {tls_fin: error}, or end if a FIN without close_notify ends the request",
				"the server answered a request that was cut off without close_notify: %.60q", got))
		}
		return first(err, fmt.Errorf("the server answered a request that was cut off without close_notify: %.60q", got))
	}
	return first(err, notAnswered(c, got))
}

// first returns the first of the errors that is one: a failure goes before what the
// target does not declare.
func first(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}
