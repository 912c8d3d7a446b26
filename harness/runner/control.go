package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/link"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// errControl is wrapped by the error of a conversation that fails without any fault.
var errControl = errors.New("fails without any fault")

// controlTimeout is for the conversation without a fault. It only has to be
// longer than the slowest healthy start of an interpreter on a busy machine.
const controlTimeout = 20 * time.Second

// maxOutput bounds how much of a client's output is compared.
const maxOutput = 16 << 20

// A control is what one conversation without any fault came to.
type control struct {
	Conversation scenario.Conversation // what was said, how long it took, and what it cost
	Events       []event.Event         // all that happened, in order
	Recording    *capture.Recording    // of what passed the proxy; nil: nothing was recorded
	PastProxy    int                   // connections of the client to the server that are not the proxy's
}

// HoldControl holds the target's conversation through a proxy that does nothing; Start must
// have returned. The error wraps [errControl] where a peer does not do its part. Events and
// Recording are valid with an error too.
func (b *testbed) HoldControl(ctx context.Context) (c control, err error) {
	before, log := b.serverCPU(), event.NewLog(0)
	if b.transport() == scenario.UDP {
		err = b.controlDatagrams(ctx, log, &c)
	} else {
		err = b.controlStream(ctx, log, &c)
	}
	c.Events = log.AllEvents()
	c.Conversation.CPU += max(0, b.serverCPU()-before)
	return c, err
}

// record returns what keeps all that passes the proxy of the control; nil: nothing is kept.
func (c *control) record(wanted bool) func(link.Passage) {
	if !wanted {
		return nil
	}
	c.Recording = capture.NewRecording()
	return c.Recording.AddPassage
}

// serverCPU is the processor time of the server's processes so far; 0 where it is not
// known.
func (b *testbed) serverCPU() time.Duration {
	server, _ := b.ServerProcess()
	if server == nil {
		return 0
	}
	usage, err := probe.MeasureFast(server.ApproxTree())
	if err != nil {
		return 0
	}
	return usage.CPU
}

// controlStream is HoldControl where the conversation is a stream.
func (b *testbed) controlStream(ctx context.Context, log *event.Log, c *control) (err error) {
	_, upstream := b.ServerProcess()
	var server *dialogueServer
	if b.target.Server.Dialogue != nil {
		data := b.controlData(log, "")
		defer data.closeAll()
		if server, err = serveDialogue(ctx, b.script, b.config.Shared.book, b.transport(), data); err != nil {
			return err
		}
		defer server.closeAll()
		upstream = server.listenAddr()
	}
	taps := [2]*link.Tap{event.Upstream: link.NewTap(maxOutput), event.Downstream: link.NewTap(maxOutput)}
	listen, err := b.listenAddress()
	if err != nil {
		return err
	}
	wire, err := proxy.New(proxy.Config{Name: b.target.Name, Listen: listen, Upstream: upstream, UpstreamDown: proxy.FailReset, Drain: -1, Record: c.record(b.config.Record), TLS: b.proxyTLS(false, false),
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
		data := b.controlData(log, upstream)
		defer data.closeAll()
		c.Conversation, err = b.controlDialogue(limited, wire.Addr(), data)
		return b.tlsFailure(err, log)
	}
	return b.controlProcess(ctx, wire, taps, server, log, c)
}

// controlData opens the data connections of the control.
func (b *testbed) controlData(log *event.Log, server string) *dataConnections {
	return newDataConnections(b.script, server, func(int) (proxy.Config, error) {
		return proxy.Config{Name: b.target.Name, UpstreamDown: proxy.FailReset, Drain: -1,
			Events: func(e event.Event) { b.noteDial(e); log.AddEvent(e) }}, nil
	})
}

func (b *testbed) controlDialogue(ctx context.Context, addr net.Addr, data *dataConnections) (scenario.Conversation, error) {
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
func (b *testbed) playControl(ctx context.Context, conn sock.Conn, o dialogue.Options) (c scenario.Conversation, played dialogue.Played, err error) {
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
func (b *testbed) checkNoExtraReply(conn sock.Conn, early []byte) error {
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
		return fmt.Errorf("%w: the server also sent %q after the last exchange; add expect for it", errControl, came)
	}
	return nil
}

func (b *testbed) controlProcess(ctx context.Context, wire *proxy.Proxy, taps [2]*link.Tap, server *dialogueServer, log *event.Log, c *control) error {
	process, err := b.startClient(ctx, sock.FormatAddress(wire.Addr()), "control", nil)
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
		return fmt.Errorf("%w: the client did not connect to the proxy at %s; %s", errControl, sock.FormatAddress(wire.Addr()), sayPastProxy(past))
	}
	if len(acceptTimes(log.AllEvents())) == 0 {
		return fmt.Errorf("%w: the client exited with status 0 without connecting to %s; its command must contain %s", errControl, sock.FormatAddress(wire.Addr()), addressWords(b.transport()))
	}
	if err := server.checkRequests(); err != nil {
		return err
	}
	if c.PastProxy = past; past > 0 {
		b.leavers.Store(int64(past))
	}
	up, _ := taps[event.Upstream].RecordedBytes()
	down, _ := taps[event.Downstream].RecordedBytes()
	said := scenario.RecordedConversation(up, down)
	if b.script != nil {
		said = scenario.ScriptedConversation(b.script.WithRequests(up))
		said.Script = b.script
	}
	said.Exit, said.Stdout, said.Took, said.CPU = run.Exit.Code, run.Stdout, run.Elapsed, run.Exit.CPU
	c.Conversation = said
	return nil
}

// readOutput reads what a process wrote, up to maxOutput.
func readOutput(o *peer.Output) ([]byte, error) {
	file, err := o.OpenReader()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxOutput))
}

// addressWords names the words by which a command is told where to connect.
func addressWords(t scenario.Transport) string {
	if t == scenario.Unix {
		return "{path}"
	}
	return "{host}, {port} or {addr}"
}
