package tls

import (
	"context"
	std "crypto/tls"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

func smallRecords() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/small-records",
		Title: "A message in many records, and a record in many segments, is read like one that arrives whole",
		Rationale: "A read of TLS returns one record at most, so code that takes a read for a message works until the other side " +
			"writes in pieces. Records of one byte showed that Tcl's http package fails where a record ends between the " +
			"CR and the LF of a blank line.",
		Ref:   "RFC 8446 §5.1; ktls#74, pyopenssl#229, hio#173",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireScript(c); err != nil {
				return nil, err
			}
			if c.Role == scenario.Client {
				return []scenario.Variant{tinyFromServer(c), cutSegmentsFromServer(c)}, nil
			}
			return []scenario.Variant{
				serverAct(c, "record=1", func(ctx context.Context, rig scenario.Rig) error {
					e, err := dialTLS(ctx, rig, nil, nil)
					if err != nil {
						return err
					}
					rig.ReportStruck("the request went in records of one byte")
					return rig.FirstExchanges(ctx, &tinyWriter{Conn: e})
				}),
				serverAct(c, "segments", func(ctx context.Context, rig scenario.Rig) error {
					sent := 0
					e, err := dialTLS(ctx, rig, nil, func(c link.Conn, _ int, r tlsconn.Record) error {
						return inSegments(c, &sent, r, serverReads(ctx, rig), 3, len(r)/2, len(r)-1)
					})
					if err != nil {
						return err
					}
					rig.ReportStruck("each record went in four segments")
					return rig.FirstExchanges(ctx, e)
				}),
			}, nil
		},
	}
}

// inSegments sends a record in pieces that end at the offsets; the next one leaves when
// awaitPeer, which is told how many bytes of the socket were sent, has returned.
func inSegments(c link.Conn, sent *int, r tlsconn.Record, awaitPeer func(link.Conn, int), ends ...int) error {
	from := 0
	for _, to := range append(ends, len(r)) {
		if to <= from {
			continue
		}
		n, err := c.Write(r[from:to])
		*sent += n
		if err != nil {
			return err
		}
		if from = to; to < len(r) {
			awaitPeer(c, *sent)
		}
	}
	return nil
}

// serverReads waits until the server has read what was sent.
func serverReads(ctx context.Context, rig scenario.Rig) func(link.Conn, int) {
	return func(c link.Conn, sent int) { awaitRead(ctx, rig, c, sent) }
}

// clientReceives waits until the client behind the proxy has what was sent.
func clientReceives(ctx context.Context, rig scenario.Rig) func(link.Conn, int) {
	return func(c link.Conn, sent int) {
		limited, cancel := context.WithTimeout(ctx, readWait)
		defer cancel()
		_ = rig.AwaitDelivered(limited, c, int64(sent))
	}
}

// mostTiny is how many bytes at most go in records of their own: each costs the peer a
// read.
const mostTiny = 512

// A tinyWriter sends its first bytes in a record each.
type tinyWriter struct {
	sock.Conn
	sent int
}

// Write implements [net.Conn].
func (w *tinyWriter) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) && w.sent < mostTiny {
		if _, err := w.Conn.Write(p[n : n+1]); err != nil {
			return n, err
		}
		n, w.sent = n+1, w.sent+1
	}
	if n == len(p) {
		return n, nil
	}
	rest, err := w.Conn.Write(p[n:])
	return n + rest, err
}

func tinyFromServer(c scenario.Case) scenario.Variant {
	return clientPlay{c: c, name: "record=1", struck: "the answers came in records of one byte", verdict: mustComplete,
		serve: func(ctx context.Context, rig scenario.Rig, raw sock.Conn) error {
			e, err := acceptTLS(rig, raw, nil, nil)
			if err != nil {
				return err
			}
			defer e.Close()
			c.Conversation.Script.PlayServer(ctx, &tinyWriter{Conn: e}, dialogue.Options{})
			return nil
		}}.variant()
}

func cutSegmentsFromServer(c scenario.Case) scenario.Variant {
	return clientPlay{c: c, name: "segments", struck: "each of the first records came in four segments", verdict: mustComplete,
		serve: func(ctx context.Context, rig scenario.Rig, raw sock.Conn) error {
			sent := 0
			e, err := acceptTLS(rig, raw, nil, func(c link.Conn, n int, r tlsconn.Record) error {
				if n >= mostCut {
					return inSegments(c, &sent, r, nil)
				}
				return inSegments(c, &sent, r, clientReceives(ctx, rig), 3, len(r)/2, len(r)-1)
			})
			if err != nil {
				return err
			}
			defer e.Close()
			c.Conversation.Script.PlayServer(ctx, e, dialogue.Options{})
			return nil
		}}.variant()
}

// mostCut is how many records are cut into segments.
const mostCut = 12

func splitHandshake() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/split-handshake",
		Title: "A handshake that arrives in small segments, or in small records, succeeds",
		Rationale: "A ClientHello with a post-quantum key share is larger than a segment. Proxies and load balancers that look " +
			"for the server name in one read refuse it. RFC 8446 lets handshake messages be split into any number of " +
			"records.",
		Ref:   "RFC 8446 §5.1; dlundquist/sniproxy#367, tldr.fail",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireScript(c); err != nil {
				return nil, err
			}
			if c.Role == scenario.Client {
				return []scenario.Variant{fragmentsFromServer(c, "record=16", 0), fragmentsFromServer(c, "record=16, version=1.2", std.VersionTLS12)}, nil
			}
			records := serverAct(c, "record=16", func(ctx context.Context, rig scenario.Rig) error {
				e, err := dialTLS(ctx, rig, nil, fragmentHandshake())
				if err != nil {
					return err
				}
				rig.ReportStruck("the ClientHello went in records of 16 bytes")
				return rig.FirstExchanges(ctx, e)
			})
			records.Level = outcome.Should
			out := []scenario.Variant{records}
			for _, at := range []int{1, 5, 43, 150} {
				out = append(out, serverAct(c, fmt.Sprintf("byte=%d", at), func(ctx context.Context, rig scenario.Rig) error {
					return splitHelloAt(ctx, rig, at)
				}))
			}
			return out, nil
		},
	}
}

func splitHelloAt(ctx context.Context, rig scenario.Rig, at int) error {
	sent := 0
	e, err := dialTLS(ctx, rig, nil, func(c link.Conn, n int, r tlsconn.Record) error {
		if n > 0 || at >= len(r) {
			return sendWhole(c, n, r)
		}
		rig.ReportStruck(fmt.Sprintf("the ClientHello went in two segments, cut at byte %d", at))
		return inSegments(c, &sent, r, serverReads(ctx, rig), at)
	})
	if err != nil {
		return err
	}
	return rig.FirstExchanges(ctx, e)
}

// fragmentHandshake sends handshake messages that are not encrypted in records of 16 bytes.
func fragmentHandshake() sender {
	encrypted := false
	return func(c link.Conn, n int, r tlsconn.Record) error {
		if encrypted = encrypted || r.Type() != tlsconn.HandshakeRecord; encrypted {
			return sendWhole(c, n, r)
		}
		_, err := c.Write(r.Fragment(16))
		return err
	}
}

// fragmentsFromServer has the server's first flight come in small records; max is the
// version that is offered, 0 the newest, in which little of it is not encrypted.
func fragmentsFromServer(c scenario.Case, name string, max uint16) scenario.Variant {
	v := clientPlay{c: c, name: name, struck: "the server's handshake came in records of 16 bytes", verdict: mustComplete,
		serve: func(ctx context.Context, rig scenario.Rig, raw sock.Conn) error {
			e, err := acceptTLS(rig, raw, func(c *std.Config) { c.MaxVersion = max }, fragmentHandshake())
			if err != nil {
				return err
			}
			defer e.Close()
			if err := versionRefused(e.RunHandshake(ctx)); err != nil {
				return err
			}
			c.Conversation.Script.PlayServer(ctx, e, dialogue.Options{})
			return nil
		}}.variant()
	v.Level = outcome.Should
	return v
}
