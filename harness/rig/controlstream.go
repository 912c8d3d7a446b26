package rig

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/tlsconn"
)

// controlStream is HoldControl where the conversation is a stream.
func (b *Testbed) controlStream(ctx context.Context, log *event.Log, c *Control) (err error) {
	_, upstream := b.ServerProcess()
	secured, opening := b.proxyTLS(false, false), &openingLog{}
	opening.watch(&secured, b.before)
	var server *dialogueServer
	if b.target.Server.Dialogue != nil {
		data := b.controlData(log, "", secured)
		defer data.closeAll()
		if server, err = serveDialogue(ctx, b.script, b.config.Shared.book, b.transport(), data, nil); err != nil {
			return err
		}
		defer server.closeAll()
		upstream = server.listenAddr()
	}
	taps := [2]*link.Tap{event.Upstream: link.NewTap(maxOutput), event.Downstream: link.NewTap(maxOutput)}
	listen, err := b.programs.ListenAddress()
	if err != nil {
		return err
	}
	wire, err := proxy.New(proxy.Config{Name: b.target.Name, Listen: listen, Upstream: upstream, UpstreamDown: proxy.FailReset, Drain: -1, Record: c.record(b.config.Record), TLS: secured,
		Events: func(e event.Event) { b.noteDial(e); log.AddEvent(e) },
		Tap: func(conn uint64, d event.Direction) *link.Tap {
			if conn > 1 {
				return nil
			}
			return taps[d]
		}})
	if err == nil {
		err = wire.Start(ctx)
	}
	if err != nil {
		return err
	}
	defer wire.Close()
	if b.target.Client.Dialogue != nil {
		limited, stop := b.controlWait(log, nil).Start(ctx)
		defer stop()
		data := b.controlData(log, upstream, secured)
		defer data.closeAll()
		c.Conversation, err = b.controlDialogue(limited, wire.Addr(), data)
		c.Conversation.Before = opening.conversation(b.before, event.Client)
		return b.tlsFailure(err, log)
	}
	err = b.controlProcess(ctx, wire, taps, server, log, c)
	c.Conversation.Before = opening.conversation(b.before, event.Server)
	return err
}

// controlData opens the data connections of the control, beside a proxy with the given TLS.
func (b *Testbed) controlData(log *event.Log, server string, first tlsconn.Config) *dataConnections {
	return newDataConnections(b.script, server, first, func(int) (proxy.Config, error) {
		return proxy.Config{Name: b.target.Name, UpstreamDown: proxy.FailReset, Drain: -1,
			Events: func(e event.Event) { b.noteDial(e); log.AddEvent(e) }}, nil
	})
}

func (b *Testbed) controlDialogue(ctx context.Context, addr net.Addr, data *dataConnections) (scenario.Conversation, error) {
	conn, err := dial(ctx, sock.FormatAddress(addr))
	if err != nil {
		return scenario.Conversation{}, err
	}
	defer conn.Close()
	c, played, err := b.playControl(ctx, conn, data.addTo(dialogue.Options{NoEnd: b.script.End != dialogue.ServerCloses}))
	if err != nil {
		return scenario.Conversation{}, err
	}
	if err := b.checkNoExtraReply(conn, extraBytes(c, played.Received)); err != nil {
		return scenario.Conversation{}, err
	}
	c.Downstream.Greeting = max(c.Downstream.Greeting, played.GreetingSize())
	if c.Downstream.Bytes == nil {
		c.Downstream.Bytes = played.Received
	}
	return c, nil
}

// playControl plays the client of the control on a connection.
func (b *Testbed) playControl(ctx context.Context, conn sock.Conn, o dialogue.Options) (c scenario.Conversation, played dialogue.Played, err error) {
	played = b.script.PlayClient(ctx, conn, o)
	if err := controlFailure(b.script, played, context.Cause(ctx)); err != nil {
		return c, played, err
	}
	c = scenario.ScriptedConversation(b.script.WithReplies(played))
	c.Script, c.Took = b.script, played.Elapsed
	return c, played, nil
}

// extraReplyTimeout is for an answer of which the dialogue knows nothing.
const extraReplyTimeout = 200 * time.Millisecond

// extraBytes returns what was received after all that the dialogue expects, as far as it
// says that byte for byte.
func extraBytes(c scenario.Conversation, received []byte) []byte {
	asks := func(s dialogue.Step) bool { return len(s.Expect) > 0 }
	if c.Downstream.Bytes == nil && (len(c.Script.Greeting) > 0 || slices.ContainsFunc(c.Script.Steps, asks)) {
		return nil
	}
	return received[min(len(c.Downstream.Bytes), len(received)):]
}

// checkNoExtraReply returns an error if something comes after a last exchange that expects
// nothing: with a fault in the way it would be held against the server. Early is what of
// it was read already.
func (b *Testbed) checkNoExtraReply(conn sock.Conn, early []byte) error {
	steps := b.script.Steps
	if len(steps) == 0 || len(steps[len(steps)-1].Expect) > 0 || b.script.End != dialogue.ClientCloses {
		return nil
	}
	if err := conn.CloseWrite(); err != nil {
		return nil // the connection has ended without more bytes
	}
	if err := conn.SetReadDeadline(time.Now().Add(extraReplyTimeout)); err != nil {
		return err
	}
	came, _ := io.ReadAll(io.LimitReader(conn, 80))
	if came = b.script.WithoutSkipped(append(bytes.Clone(early), came...)); len(came) > 0 {
		return fmt.Errorf("%w: the server also sent %q after the last exchange; add expect for it", ErrControl, came)
	}
	return nil
}

func (b *Testbed) controlProcess(ctx context.Context, wire *proxy.Proxy, taps [2]*link.Tap, server *dialogueServer, log *event.Log, c *Control) error {
	process, err := b.startClient(ctx, ClientOptions{Address: sock.FormatAddress(wire.Addr()), Scenario: "control"})
	if err != nil {
		return err
	}
	defer process.Close()
	began := time.Now()
	endWatch := b.watchClient(ctx, process, wire.Addr(), wire.FirstUpstream())
	run, err := awaitClient(ctx, process, b.controlWait(log, process))
	past := endWatch() + b.countPast(wire.FirstUpstream(), began)
	switch {
	case err != nil:
		return err
	case run.TimedOut || !run.Exit.Success():
		return clientFailure(run, server)
	}
	if len(acceptTimes(log.AllEvents())) == 0 && past > 0 {
		return fmt.Errorf("%w: the client did not connect to the proxy at %s; %s", ErrControl, sock.FormatAddress(wire.Addr()), SayPastProxy(past))
	}
	if len(acceptTimes(log.AllEvents())) == 0 {
		return fmt.Errorf("%w: the client exited with status 0 without connecting to %s; its command must contain %s", ErrControl, sock.FormatAddress(wire.Addr()), addressWords(b.transport()))
	}
	if err := server.checkRequests(); err != nil {
		return err
	}
	if c.PastProxy = past; past > 0 {
		b.leavers.Store(int64(past))
	}
	up, _ := taps[event.Upstream].RecordedBytes()
	down, _ := taps[event.Downstream].RecordedBytes()
	c.Requests = up
	said := b.ClientConversation(up, down)
	said.ControlRun = controlRun(run)
	c.Conversation = said
	return nil
}

// ClientConversation is what a client program and its server have said, as far as the bytes
// that both sent tell; Start must have returned. With a dialogue only the requests count.
func (b *Testbed) ClientConversation(requests, replies []byte) scenario.Conversation {
	if b.script == nil {
		return scenario.RecordedConversation(requests, replies)
	}
	said := scenario.ScriptedConversation(b.script.WithRequests(requests))
	said.Script = b.script
	return said
}
