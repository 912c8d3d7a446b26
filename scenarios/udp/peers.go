package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

func clientGone() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/client-gone",
		Title: "A client that is gone when its answer comes does not end the server",
		Rationale: "The answer meets a closed port, and the kernel of the client's host says so by ICMP. A connected socket, or one with " +
			"IP_RECVERR, returns that as ECONNREFUSED from the next send or recv, which may be about another client. A server that " +
			"takes it for a failure of its own stops.",
		Ref:      "udp(7); ip(7) IP_RECVERR; catalogue: udp-icmp-kills-loop",
		Level:    outcome.Must,
		Roles:    scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return firstAct(c, leaveBeforeAnswer) },
	}
}

// leaveBeforeAnswer sends requests and closes before the server can answer: it stands still
// meanwhile.
func leaveBeforeAnswer(ctx context.Context, rig scenario.Rig, script *dialogue.Script, step int) error {
	err := whilePaused(ctx, rig, func() error {
		for range 3 {
			conn, err := dialWatched(ctx, rig)
			if err != nil {
				return err
			}
			_, err = conn.Write(script.ForConnection().Steps[step].Send)
			conn.Close()
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	rig.ReportStruck("three clients sent a request and closed their sockets while the server stood still, so that its answers met closed ports")
	if err := playLenient(ctx, rig, script); err != nil {
		return fmt.Errorf("after answers to clients that were gone the server does not serve another one: %w", err)
	}
	return nil
}

// whilePaused does something while the server stands still.
func whilePaused(ctx context.Context, rig scenario.ServerRig, do func() error) error {
	if err := rig.PauseServer(ctx); err != nil {
		return fmt.Errorf("%w: the server cannot be stopped for a moment: %w", scenario.ErrUnsupported, err)
	}
	return errors.Join(do(), rig.ResumeServer())
}

func twoClients() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/two-clients",
		Title: "Two clients whose requests wait at the same time get their own answers",
		Rationale: "All clients share the server's one socket: only the address that recvfrom returns says whom an answer is for. " +
			"A server that keeps it in a variable which the next datagram overwrites sends both answers to one of them.",
		Ref:      "recvfrom(2); CWE-488; catalogue: shared-buffer-leak",
		Level:    outcome.Must,
		Roles:    scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) { return firstAct(c, askSideBySide) },
	}
}

// askSideBySide lets two clients ask while the server stands still, and wants both answered.
func askSideBySide(ctx context.Context, rig scenario.Rig, script *dialogue.Script, step int) error {
	scripts := []*dialogue.Script{script.ForConnection(), script.ForConnection()}
	var conns []*watchedConn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	err := whilePaused(ctx, rig, func() error {
		for _, s := range scripts {
			conn, err := dialWatched(ctx, rig)
			if err != nil {
				return err
			}
			conns = append(conns, conn)
			if _, err := conn.Write(s.Steps[step].Send); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	rig.ReportStruck("the requests of two clients waited in the server's socket together")
	for i, conn := range conns {
		watched, stop := conn.watch(ctx, rig)
		defer stop()
		if _, err := countAnswers(watched, conn, scripts[i], step); err != nil {
			return fmt.Errorf("client %d of 2, whose requests waited together, has no answer: %w", i+1, err)
		}
	}
	return nil
}

func answerSource() scenario.Scenario {
	return scenario.Scenario{
		ID:    "udp/answer-source",
		Title: "A server answers from the address that the client asked",
		Rationale: "A host has several addresses, and a server bound to all of them gets the datagrams for each. With sendto the " +
			"routing table chooses the source address of the answer. It may be another address, which a client must not " +
			"accept. IP_PKTINFO tells to which address a request was sent, and sets the source of the answer. One socket " +
			"for each address works too.",
		Ref:   "RFC 1123 §4.2.3.7; RFC 2181 §4; ip(7) IP_PKTINFO",
		Level: outcome.Should,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if c.Target.Policies.TransferPort {
				return nil, c.UnsupportedErrorf("the target declares transfer_port: a server answers from another port than the one that was asked")
			}
			return firstAct(c, askSecondAddress)
		},
	}
}

// askSecondAddress asks the server at 127.0.0.2, on a socket that takes answers from
// anywhere, and looks where they come from.
func askSecondAddress(ctx context.Context, rig scenario.Rig, script *dialogue.Script, step int) error {
	_, port, err := net.SplitHostPort(strings.TrimPrefix(rig.ServerAddr(), "udp:"))
	if err != nil {
		return err
	}
	const second = "127.0.0.2"
	asked, err := net.ResolveUDPAddr("udp", net.JoinHostPort(second, port))
	if err != nil {
		return err
	}
	request := script.ForConnection().Steps[step].Send
	if err := isBound(ctx, asked, request); err != nil {
		return err
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer conn.Close()
	since := time.Now()
	watched, stop := rig.WatchProgress(ctx, func() bool { return time.Since(since) > quietTime }, nil)
	defer stop()
	defer context.AfterFunc(watched, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })()
	if _, err := conn.WriteTo(request, asked); err != nil {
		return err
	}
	rig.ReportStruck("asked the server at " + asked.String())
	_, from, err := sock.ReadDatagram(conn)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the server takes datagrams at %s and does not answer there: %w", asked, context.Cause(watched))
	case err != nil:
		return err
	case from.String() != asked.String():
		return fmt.Errorf("the client asked %s, and the answer came from %s: a client with a connected socket never gets it", asked, from)
	}
	return nil
}

// isBound returns an error that wraps [scenario.ErrUnsupported] where nobody takes datagrams
// at the address: a second one is refused then, because ICMP has answered the first.
func isBound(ctx context.Context, at *net.UDPAddr, request []byte) error {
	conn, err := net.DialUDP("udp", nil, at)
	if err != nil {
		return fmt.Errorf("%w: this system has no second loopback address: %w", scenario.ErrUnsupported, err)
	}
	defer conn.Close()
	for range 2 {
		if _, err = conn.Write(request); err != nil {
			return fmt.Errorf("%w: the server is bound to one address", scenario.ErrUnsupported)
		}
	}
	return ctx.Err()
}
