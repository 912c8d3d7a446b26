package tls

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

func plaintext() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/plaintext",
		Title: "A peer that sends plaintext is disconnected, and gets no conversation",
		Rationale: "Causes are a client with http:// for https://, a health check, or a proxy before the port that has no TLS. A " +
			"server that goes on in plaintext reveals what TLS was to protect. So does a client that tries again without " +
			"TLS.",
		Ref:   "RFC 8446 §6.2 unexpected_message; CWE-757",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireScript(c); err != nil {
				return nil, err
			}
			if c.Role == scenario.Client {
				return []scenario.Variant{plaintextServer(c)}, nil
			}
			return []scenario.Variant{serverAct(c, "", func(ctx context.Context, rig scenario.Rig) error { return plaintextClient(ctx, rig, c) })}, nil
		},
	}
}

// leastPlain is how many bytes at least are sent without TLS: fewer may be taken for the
// beginning of a record.
const leastPlain = 64

func plaintextClient(ctx context.Context, rig scenario.Rig, c scenario.Case) error {
	request := c.Conversation.Upstream.FirstSpoken()
	if len(request) == 0 {
		request = []byte("hello\n")
	}
	sent := bytes.Repeat(request[:min(len(request), 4096)], 1+leastPlain/len(request))
	conn, err := rig.DialWire(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(sent); err != nil {
		return err
	}
	rig.ReportStruck("the client spoke plaintext")
	got, err := awaitEnd(ctx, rig, conn, "plaintext instead of TLS")
	down := c.Conversation.Downstream
	if to := down.Greeting; to > 0 && bytes.HasPrefix(got, down.Bytes[:min(to, int64(len(down.Bytes)))]) {
		return fmt.Errorf("the server went on in plaintext: it sent its greeting without TLS: %.60q", got)
	}
	if answer := down.FirstSpoken(); len(answer) > 0 && bytes.HasPrefix(got, answer) {
		return fmt.Errorf("the server went on in plaintext: it answered without TLS: %.60q", got)
	}
	return err
}

func plaintextServer(c scenario.Case) scenario.Variant {
	return clientPlay{c: c, struck: "the server spoke plaintext", verdict: mustFail,
		serve: func(ctx context.Context, _ scenario.Rig, raw sock.Conn) error {
			hello := make([]byte, 1)
			if _, err := io.ReadFull(raw, hello); err != nil {
				return nil
			}
			if hello[0] != tlsconn.HandshakeRecord { // it tries again without TLS
				c.Conversation.Script.PlayServer(ctx, &unread{Conn: raw, ahead: hello}, dialogue.Options{})
				return nil
			}
			answer := c.Conversation.Downstream.Bytes
			answer = bytes.Repeat(append([]byte("200 hello\r\n"), answer[:min(len(answer), 4096)]...), 6)
			if _, err := raw.Write(answer); err == nil {
				drain(raw)
			}
			return nil
		}}.variant()
}

// An unread is a connection of which bytes were read ahead.
type unread struct {
	sock.Conn
	ahead []byte
}

// Read implements [net.Conn].
func (u *unread) Read(p []byte) (int, error) {
	if len(u.ahead) == 0 {
		return u.Conn.Read(p)
	}
	n := copy(p, u.ahead)
	u.ahead = u.ahead[n:]
	return n, nil
}

func badRecord() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/bad-record",
		Title: "A record that was changed on its way, or is too long, ends the connection",
		Rationale: "The library reports it by an error of its own, not by an error of the socket. Loops that try again on " +
			"unknown errors spin. Code that takes any error for the end of the stream accepts half an answer.",
		Ref:   "RFC 8446 §5.2 bad_record_mac, §5.1 record_overflow",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireScript(c); err != nil {
				return nil, err
			}
			var out []scenario.Variant
			for _, kind := range []string{"changed", "too-long"} {
				if c.Role == scenario.Server {
					out = append(out, serverAct(c, kind, func(ctx context.Context, rig scenario.Rig) error {
						return spoiledRequest(ctx, rig, c, kind)
					}))
					continue
				}
				for _, at := range lastPlace(c.Conversation.Downstream) {
					out = append(out, spoiledAnswer(c, kind, at))
				}
			}
			return out, nil
		},
	}
}

// spoiler changes a record's last byte, or makes it longer than a record may be.
func spoiler(kind string) func(tlsconn.Record) tlsconn.Record {
	return func(r tlsconn.Record) tlsconn.Record {
		if kind == "changed" {
			r = bytes.Clone(r)
			r[len(r)-1] ^= 1
			return r
		}
		const tooLong = 1<<14 + 2048 + 1 // one more than TLS 1.2 lets a record be
		return append(tlsconn.Record{r[0], r[1], r[2], tooLong >> 8, tooLong & 0xff}, make([]byte, tooLong)...)
	}
}

// dialSpoiling connects, says half of the first request, and returns what is left of it.
// From then on records are spoiled.
func dialSpoiling(ctx context.Context, rig scenario.Rig, c scenario.Case, kind string) (*end, []byte, error) {
	half, rest, err := halvesOfRequest(c)
	if err != nil {
		return nil, nil, err
	}
	spoiling := false
	e, err := dialTLS(ctx, rig, nil, changeRecords(&spoiling, spoiler(kind)))
	if err != nil {
		return nil, nil, err
	}
	if _, err = e.Conn.Write(half); err != nil {
		e.socket.Close()
		return nil, nil, err
	}
	spoiling = true
	return e, rest, nil
}

func spoiledRequest(ctx context.Context, rig scenario.Rig, c scenario.Case, kind string) error {
	e, rest, err := dialSpoiling(ctx, rig, c, kind)
	if err != nil {
		return err
	}
	defer e.socket.Close()
	if _, err := e.Conn.Write(rest[:min(len(rest), 8<<10)]); err != nil && kind == "changed" {
		return err
	}
	rig.ReportStruck("a record of the request was " + kind)
	got, err := awaitEnd(ctx, rig, e, "a record that cannot be read")
	return first(err, notAnswered(c, got))
}

func spoiledAnswer(c scenario.Case, kind string, at int64) scenario.Variant {
	p := clientPlay{c: c, name: kind, struck: "a record of the answer was " + kind, verdict: mustFail}
	return p.cutAt(at, spoiler(kind), writeChanged)
}
