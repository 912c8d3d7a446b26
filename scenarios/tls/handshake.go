package tls

import (
	"context"
	std "crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// versionRefused makes unsupported what fails because a side does not speak the version.
func versionRefused(err error) error {
	if err != nil && (strings.Contains(err.Error(), "protocol version") || strings.Contains(err.Error(), "unsupported versions")) {
		return fmt.Errorf("%w: the other side does not speak this version of TLS: %w", scenario.ErrUnsupported, err)
	}
	return nil
}

func cutInHandshake() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/cut-in-handshake",
		Title: "A connection that ends inside the handshake does no harm",
		Rationale: "Port scans, health checks and clients with a short time limit end a connection inside the handshake. Where accept and " +
			"handshake are one call, the exception of one client ends the loop that accepts for all. A client that takes " +
			"the end for an empty answer reports success.",
		Ref:   "RFC 8446 §6.2; cachegrand#424, 389-ds-base#5762",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			var out []scenario.Variant
			for _, how := range endings {
				for _, at := range []int{0, 1, 5, 60} {
					name := fmt.Sprintf("byte=%d, %s", at, how)
					if c.Role == scenario.Client {
						out = append(out, helloCutByServer(c, name, at, how))
						continue
					}
					out = append(out, serverAct(c, name, func(ctx context.Context, rig scenario.Rig) error {
						return cutHandshake(ctx, rig, 0, at, how)
					}))
				}
				if c.Role == scenario.Server {
					out = append(out, serverAct(c, "finished, "+string(how), func(ctx context.Context, rig scenario.Rig) error {
						return cutHandshake(ctx, rig, 1, 0, how)
					}))
				}
			}
			return out, nil
		},
	}
}

// cutHandshake ends the stream at a byte of a record of our handshake.
func cutHandshake(ctx context.Context, rig scenario.Rig, record, at int, how ending) error {
	sent := 0
	e, err := dialTLS(ctx, rig, nil, func(c link.Conn, n int, r tlsconn.Record) error {
		if n < record {
			sent += len(r)
			return sendWhole(c, n, r)
		}
		if _, err := c.Write(r[:min(at, len(r)-1)]); err != nil {
			return err
		}
		sent += at
		return errCut
	})
	if err != nil {
		return err
	}
	defer e.socket.Close()
	if err := e.RunHandshake(ctx); !errors.Is(err, errCut) {
		return fmt.Errorf("the handshake did not come to its place: %w", err)
	}
	awaitRead(ctx, rig, e.socket, sent)
	if err := how.finish(e.socket); err != nil {
		return err
	}
	rig.ReportStruck(fmt.Sprintf("the client's %s came inside its handshake, after %s", strings.ToUpper(string(how)), plural.Count(sent, "byte")))
	if how == byFIN {
		_, err = awaitEnd(ctx, rig, e.socket, "the client's FIN inside the handshake")
	}
	return err
}

// cutHello sends a part of the first record, which the stream is to end behind.
func cutHello(at int) sender {
	return func(c link.Conn, _ int, r tlsconn.Record) error {
		_, err := c.Write(r[:min(at, len(r)-1)])
		return errors.Join(err, errCut)
	}
}

func helloCutByServer(c scenario.Case, name string, at int, how ending) scenario.Variant {
	return clientPlay{c: c, name: name, struck: "the server's first record was cut", verdict: mustFail,
		serve: func(ctx context.Context, rig scenario.Rig, raw sock.Conn) error {
			e, err := acceptTLS(rig, raw, nil, cutHello(at))
			if err != nil {
				return err
			}
			if errors.Is(e.RunHandshake(ctx), errCut) && how.finish(raw) == nil && how == byFIN {
				drain(raw)
			}
			return nil
		}}.variant()
}

func silentHandshake() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/silent-handshake",
		Title: "A handshake that never ends does not stop others, and a client gives up",
		Rationale: "In several libraries a listener that is wrapped in TLS does the handshake within accept: one client that " +
			"connects and sends nothing keeps all others out. 41 of 78 clients have no limit for a silent handshake, " +
			"though most have one for an answer.",
		Ref:   "cachegrand#424, estuary/flow#2333, inko#1009, 389-ds-base#5762",
		Level: outcome.Must,
		Roles: scenario.AnyRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireScript(c); err != nil {
				return nil, err
			}
			if c.Role == scenario.Client {
				return []scenario.Variant{neverAnswered(c)}, nil
			}
			return []scenario.Variant{
				serverAct(c, "byte=0", func(ctx context.Context, rig scenario.Rig) error { return besideSilent(ctx, rig, 0) }),
				serverAct(c, "byte=100", func(ctx context.Context, rig scenario.Rig) error { return besideSilent(ctx, rig, 100) }),
			}, nil
		},
	}
}

// silentClients is how many clients stop inside their handshake.
const silentClients = 4

// besideSilent asks the server beside clients that stop after some bytes of their hello.
func besideSilent(ctx context.Context, rig scenario.Rig, at int) error {
	for range silentClients {
		e, err := dialTLS(ctx, rig, nil, cutHello(at))
		if err != nil {
			return err
		}
		defer e.socket.Close()
		if err := e.RunHandshake(ctx); !errors.Is(err, errCut) {
			return fmt.Errorf("the handshake did not come to its place: %w", err)
		}
	}
	rig.ReportStruck(fmt.Sprintf("%s stopped after %s of their handshake", plural.Count(silentClients, "client"), plural.Count(at, "byte")))
	if err := rig.FirstExchange(ctx); err != nil {
		return fmt.Errorf("another client was not served while %s had not finished the handshake: %w", plural.Count(silentClients, "client"), err)
	}
	return nil
}

func neverAnswered(c scenario.Case) scenario.Variant {
	return clientPlay{c: c, silent: true, struck: "the handshake was not answered", verdict: mustFail,
		serve: func(ctx context.Context, _ scenario.Rig, raw sock.Conn) error {
			drain(raw) // until the client ends, or the act does
			return nil
		}}.variant()
}

func untrustedServer() scenario.Scenario {
	return scenario.Scenario{
		ID:    "tls/untrusted-server",
		Title: "A client refuses a server whose certificate is forged, for another name, or expired",
		Rationale: "A third party between the two can show a certificate of its own. Checks that were switched off for a test stay " +
			"switched off, and several libraries check the chain but not the name unless they are asked to.",
		Ref:   "RFC 9525; RFC 5280 §6; CWE-295, CWE-297",
		Level: outcome.Must,
		Roles: scenario.ClientRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireScript(c); err != nil {
				return nil, err
			}
			if !c.Target.Client.TakesCA() {
				return nil, c.UnsupportedErrorf("the client's command has no {ca}, so the harness does not know that it checks certificates")
			}
			out := []scenario.Variant{untrusted(c, "authority=other", func(*tlsconn.Authority) (*std.Certificate, error) {
				other, err := tlsconn.NewAuthority()
				if err != nil {
					return nil, err
				}
				return other.SignLeaf([]string{c.Target.ServerName()})
			})}
			if c.Target.FilesOfTLS().Certificate != "" {
				return out, nil // the key of who has signed it is not ours
			}
			return append(out,
				untrusted(c, "name=other", func(a *tlsconn.Authority) (*std.Certificate, error) { return a.SignOther("other.invalid") }),
				untrusted(c, "expired", func(a *tlsconn.Authority) (*std.Certificate, error) {
					return a.SignExpired([]string{c.Target.ServerName()})
				})), nil
		},
	}
}

func untrusted(c scenario.Case, name string, sign func(*tlsconn.Authority) (*std.Certificate, error)) scenario.Variant {
	return clientPlay{c: c, name: name, struck: "the server's certificate was not to be trusted", verdict: func(c scenario.Case, s scenario.ClientState) error {
		if err := mustFail(c, s); err != nil {
			return fmt.Errorf("the certificate was not to be trusted (%s): %w", name, err)
		}
		return nil
	},
		serve: func(ctx context.Context, rig scenario.Rig, raw sock.Conn) error {
			config, authority, err := rig.ServerTLS()
			if err != nil {
				return err
			}
			leaf, err := sign(authority)
			if err != nil {
				return err
			}
			config.Certificates = []std.Certificate{*leaf}
			return playWhole(ctx, c, acceptedTLS(raw, config, nil))
		}}.variant()
}
