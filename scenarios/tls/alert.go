package tls

import (
	"bytes"
	"context"
	std "crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// fatalAlert is internal_error, RFC 8446 section 6.2.
var fatalAlert = []byte{2, 80}

// plainAlert is the record of a handshake_failure that is not encrypted.
var plainAlert = []byte{tlsconn.AlertRecord, 3, 3, 0, 2, 2, 40}

func alert() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/alert",
		Title: "A fatal alert is an error on this connection, and on no other",
		Rationale: "A client that does not trust a certificate, and a server that fails, send an alert and close. Libraries " +
			"raise an error for it that is not a reset and not the end of the stream. Code that knows only those two " +
			"crashes, or takes what came before for an answer.",
		Ref:   "RFC 8446 §6.2",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireScript(c); err != nil {
				return nil, err
			}
			if c.Role == scenario.Client {
				out := []scenario.Variant{alertInHandshake(c)}
				for _, at := range lastPlace(c.Conversation.Downstream) {
					out = append(out, alertInAnswer(c, at))
				}
				return out, nil
			}
			return []scenario.Variant{
				serverAct(c, "handshake", alertToHandshake),
				serverAct(c, "untrusted", distrustServer),
				serverAct(c, "request", func(ctx context.Context, rig scenario.Rig) error { return alertInRequest(ctx, rig, c) }),
			}, nil
		},
	}
}

// alertToHandshake sends an alert behind the ClientHello.
func alertToHandshake(ctx context.Context, rig scenario.Rig) error {
	e, err := dialTLS(ctx, rig, nil, func(c link.Conn, n int, r tlsconn.Record) error {
		_, err := c.Write(append(slices.Clone(r), plainAlert...))
		return errors.Join(err, errCut)
	})
	if err != nil {
		return err
	}
	defer e.socket.Close()
	if err := e.RunHandshake(ctx); !errors.Is(err, errCut) {
		return fmt.Errorf("the handshake did not come to its place: %w", err)
	}
	rig.ReportStruck("the client sent an alert behind its ClientHello")
	_, err = awaitEnd(ctx, rig, e.socket, "an alert in the handshake")
	return err
}

// distrustServer ends the handshake as a client does that does not trust the server.
func distrustServer(ctx context.Context, rig scenario.Rig) error {
	other, err := tlsconn.NewAuthority()
	if err != nil {
		return err
	}
	e, err := dialTLS(ctx, rig, func(c *std.Config) { c.InsecureSkipVerify, c.RootCAs = false, other.Pool() }, nil)
	if err != nil {
		return err
	}
	defer e.socket.Close()
	if err := e.RunHandshake(ctx); err == nil {
		return fmt.Errorf("%w: the server has another certificate than the target says", scenario.ErrUnsupported)
	}
	rig.ReportStruck("the client did not trust the server's certificate, and said so by an alert")
	return nil
}

// alertInRequest sends half of the first request, then an alert, and a FIN.
func alertInRequest(ctx context.Context, rig scenario.Rig, c scenario.Case) error {
	half, _, err := halvesOfRequest(c)
	if err != nil {
		return err
	}
	e, s, err := dialSealing(ctx, rig)
	if err != nil {
		return err
	}
	defer e.socket.Close()
	if _, err := e.Conn.Write(half); err != nil {
		return err
	}
	record, err := s.SealRecord(tlsconn.AlertRecord, fatalAlert)
	if err != nil {
		return err
	}
	if _, err := e.socket.Write(record); err != nil {
		return err
	}
	rig.ReportStruck("the client sent half of a request and a fatal alert")
	if err := e.socket.CloseWrite(); err != nil {
		return err
	}
	got, err := awaitEnd(ctx, rig, e, "a fatal alert")
	return first(err, notAnswered(c, got))
}

// dialSealing connects by TLS 1.2 and does the handshake. The sealer is for records that
// the library does not send.
func dialSealing(ctx context.Context, rig scenario.Rig) (*end, *tlsconn.Sealer, error) {
	config, err := rig.ClientTLS()
	if err != nil {
		return nil, nil, err
	}
	s := &tlsconn.Sealer{}
	s.Configure(config)
	raw, err := rig.DialWire(ctx)
	if err != nil {
		return nil, nil, err
	}
	e := &end{socket: raw, records: recordsOf(s.TapReads(raw), sealedBy(s))}
	e.Conn = tlsconn.WrapClient(e.records, config)
	if err := e.RunHandshake(ctx); err != nil {
		raw.Close()
		return nil, nil, first(versionRefused(err), err)
	}
	return e, s, nil
}

// sealedBy has the sealer see, and number, what leaves.
func sealedBy(s *tlsconn.Sealer) sender {
	return func(c link.Conn, _ int, r tlsconn.Record) error {
		r, err := s.ObserveSent(r)
		if err != nil {
			return err
		}
		_, err = c.Write(r)
		return err
	}
}

func alertInHandshake(c scenario.Case) scenario.Variant {
	return clientPlay{c: c, name: "handshake", struck: "the server answered the ClientHello by an alert", verdict: mustFail,
		serve: func(_ context.Context, _ scenario.Rig, raw sock.Conn) error {
			if _, err := raw.Read(make([]byte, 16<<10)); err != nil {
				return nil
			}
			if _, err := raw.Write(plainAlert); err == nil && raw.CloseWrite() == nil {
				drain(raw)
			}
			return nil
		}}.variant()
}

func alertInAnswer(c scenario.Case, at int64) scenario.Variant {
	return sealedPlay(c, "answer", "the server sent an alert inside an answer, and ended", at, mustFail, func(e *end, s *tlsconn.Sealer, _ []byte) error {
		record, err := s.SealRecord(tlsconn.AlertRecord, fatalAlert)
		if err != nil {
			return err
		}
		if _, err := e.socket.Write(record); err != nil {
			return err
		}
		return errors.Join(e.socket.CloseWrite(), errCut)
	})
}

// sealedPlay plays the server's side by TLS 1.2, and at an offset of the answers what then
// says, which may send records that the library does not.
func sealedPlay(c scenario.Case, name, struck string, at int64, verdict func(scenario.Case, scenario.ClientState) error, then func(e *end, s *tlsconn.Sealer, rest []byte) error) scenario.Variant {
	return clientPlay{c: c, name: name, struck: struck, verdict: verdict,
		serve: func(ctx context.Context, rig scenario.Rig, raw sock.Conn) error {
			config, _, err := rig.ServerTLS()
			if err != nil {
				return err
			}
			s := &tlsconn.Sealer{Server: true}
			s.Configure(config)
			e := &end{socket: raw, records: recordsOf(s.TapReads(raw), sealedBy(s))}
			e.Conn = tlsconn.WrapServer(e.records, config)
			defer e.Close()
			if err := e.RunHandshake(ctx); err != nil {
				return versionRefused(err)
			}
			w := &cutter{Conn: e, at: at}
			w.then = func(rest []byte) error {
				w.at = c.Conversation.Downstream.ByteCount() + 1 // once
				return then(e, s, rest)
			}
			c.Conversation.Script.PlayServer(ctx, w, dialogue.Options{})
			drain(raw)
			return nil
		}}.variant()
}

func renegotiation() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/renegotiation",
		Title: "A peer that is asked to renegotiate refuses, or goes on, and serves others",
		Rationale: "A renegotiation costs a server about ten times what it costs the client that asks for it. One connection can " +
			"ask again and again, and limits on connections do not count that. TLS 1.3 has no renegotiation, and " +
			"libraries refuse it by an alert, which arrives as an error in the middle of a conversation.",
		Ref:   "RFC 5746; RFC 9325 §3.5; CVE-2011-1473, CVE-2021-3449",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireScript(c); err != nil {
				return nil, err
			}
			if c.Role == scenario.Server {
				return []scenario.Variant{serverAct(c, "", askRenegotiation)}, nil
			}
			for _, at := range lastPlace(c.Conversation.Downstream) {
				return []scenario.Variant{requestHello(c, at)}, nil
			}
			return nil, nil
		},
	}
}

// renegotiationInfo is the extension of RFC 5746 in an initial ClientHello.
var renegotiationInfo = []byte{0xff, 1, 0, 1, 0}

// helloAgain is the ClientHello of a renegotiation: the first one with the verify_data of
// the handshake.
func helloAgain(s *tlsconn.Sealer) ([]byte, error) {
	at := bytes.Index(s.Hello, renegotiationInfo)
	if at < 0 {
		return nil, errors.New("the ClientHello has no renegotiation_info")
	}
	n := len(s.Finished)
	info := append([]byte{0xff, 1, 0, byte(n + 1), byte(n)}, s.Finished...)
	hello := slices.Concat(s.Hello[:at], info, s.Hello[at+len(renegotiationInfo):])
	size := len(hello) - 4
	hello[1], hello[2], hello[3] = byte(size>>16), byte(size>>8), byte(size)
	return fixExtensions(hello, n)
}

// fixExtensions makes the length of the extensions, which are the last of a ClientHello,
// larger by n.
func fixExtensions(hello []byte, n int) ([]byte, error) {
	at := 4 + 2 + 32
	skip := func(width int) bool {
		if at+width > len(hello) {
			return false
		}
		length := int(hello[at])
		if width == 2 {
			length = int(binary.BigEndian.Uint16(hello[at:]))
		}
		at += width + length
		return at+2 <= len(hello)
	}
	if !skip(1) || !skip(2) || !skip(1) { // session, cipher suites, compression
		return nil, errors.New("the ClientHello has no extensions")
	}
	binary.BigEndian.PutUint16(hello[at:], binary.BigEndian.Uint16(hello[at:])+uint16(n))
	return hello, nil
}

// askRenegotiation asks for a renegotiation after the handshake.
func askRenegotiation(ctx context.Context, rig scenario.Rig) error {
	e, s, err := dialSealing(ctx, rig)
	if err != nil {
		return err
	}
	defer e.socket.Close()
	hello, err := helloAgain(s)
	if err != nil {
		return err
	}
	record, err := s.SealRecord(tlsconn.HandshakeRecord, hello)
	if err != nil {
		return err
	}
	if _, err := e.socket.Write(record); err != nil {
		return err
	}
	rig.ReportStruck("the client asked to renegotiate")
	sent, _ := e.WireCounts()
	awaitRead(ctx, rig, e.socket, int(sent)+len(record))
	if err := e.socket.CloseWrite(); err != nil {
		return err
	}
	got, err := awaitEnd(ctx, rig, e.socket, "a request to renegotiate, and a FIN")
	if err == nil && len(got) > 0 && got[0] == tlsconn.HandshakeRecord {
		return scenario.NewUndeclared("nothing: switch renegotiation off where the library allows it (RFC 9325 section 3.5)",
			"the server renegotiates when a client asks for it")
	}
	return err
}

// requestHello sends a HelloRequest inside an answer, and goes on.
func requestHello(c scenario.Case, at int64) scenario.Variant {
	return sealedPlay(c, "", "the server asked to renegotiate inside an answer", at, completesOrFails, func(e *end, s *tlsconn.Sealer, rest []byte) error {
		record, err := s.SealRecord(tlsconn.HandshakeRecord, make([]byte, 4))
		if err != nil {
			return err
		}
		if _, err := e.socket.Write(record); err != nil {
			return err
		}
		_, err = e.Conn.Write(rest)
		return err
	})
}
