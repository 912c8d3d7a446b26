package runner

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
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// controlTimeout is for the conversation without a fault. It only has to be
// longer than the slowest healthy start of an interpreter on a busy machine.
const controlTimeout = 20 * time.Second

// maxOutput bounds how much of a client's output is compared.
const maxOutput = 16 << 20

// runControls holds the control conversation twice: only what is the same in both
// can be compared later. Then it finds out what two at once do to each other.
func (b *testbed) runControls(ctx context.Context) (scenario.Conversation, error) {
	first, err := b.measuredControl(ctx)
	if err != nil {
		return first, err
	}
	if b.target.State == scenario.StateProcess {
		if err := b.renewLocked(ctx); err != nil {
			return first, err
		}
	}
	b.settleSockets(ctx, b.server)
	second, err := b.measuredControl(ctx)
	if err != nil {
		err = fmt.Errorf("the second time: %w", err)
		if err := b.explainSecondFailure(ctx, err); err != nil {
			return first, err
		}
		first.State = scenario.StateProcess
		b.remarkState(first.State)
	}
	first.Output = scenario.CompareOutputs(first.Stdout, second.Stdout)
	first.Took = max(first.Took, second.Took)
	first.CPU = max(first.CPU, second.CPU)
	b.settleSockets(ctx, b.server)
	if err = b.findState(ctx, &first); err == nil {
		b.controlRecording.Store(nil) // nobody will want it
	}
	if err == nil && first.State == scenario.StateProcess && b.server == nil && b.target.TestsRole(scenario.Server) {
		err = errNotAfresh
	}
	return first, err
}

// measuredControl is control with the processor time that the server took.
func (b *testbed) measuredControl(ctx context.Context) (scenario.Conversation, error) {
	before := b.serverCPU()
	c, err := b.runControl(ctx)
	c.CPU += max(0, b.serverCPU()-before)
	return c, err
}

// serverCPU is the processor time of the server's processes so far; 0 where it is not
// known.
func (b *testbed) serverCPU() time.Duration {
	if b.server == nil {
		return 0
	}
	usage, err := probe.MeasureFast(b.server.ApproxTree())
	if err != nil {
		return 0
	}
	return usage.CPU
}

// runControl holds the target's conversation through a proxy that does nothing.
func (b *testbed) runControl(ctx context.Context) (scenario.Conversation, error) {
	if b.transport() == scenario.UDP {
		return b.runDatagramControl(ctx)
	}
	log := event.NewLog(0)
	defer func() { b.keepControl(log.AllEvents()) }()
	upstream := b.address
	var server *dialogueServer
	if b.target.Server.Dialogue != nil {
		var err error
		data := b.controlData(log, "")
		defer data.closeAll()
		if server, err = serveDialogue(ctx, b.script, b.book, b.transport(), data); err != nil {
			return scenario.Conversation{}, err
		}
		defer server.closeAll()
		upstream = server.listenAddr()
	}
	taps := [2]*link.Tap{event.Upstream: link.NewTap(maxOutput), event.Downstream: link.NewTap(maxOutput)}
	listen, err := b.listenAddress()
	if err != nil {
		return scenario.Conversation{}, err
	}
	wire, err := proxy.New(proxy.Config{Name: b.target.Name, Listen: listen, Upstream: upstream, UpstreamDown: proxy.FailReset, Drain: -1, Record: b.newControlRecording(), TLS: b.proxyTLS(false, false),
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
		return scenario.Conversation{}, err
	}
	defer wire.Close()
	if b.target.Client.Dialogue != nil {
		limited, stop := b.controlWait(log, nil).Start(ctx)
		defer stop()
		data := b.controlData(log, upstream)
		defer data.closeAll()
		c, err := b.controlDialogue(limited, wire.Addr(), data)
		return c, b.tlsFailure(err, log)
	}
	return b.controlProcess(ctx, wire, taps, server, log)
}

// keepControl keeps the events of the first control, to be shown beside a failure.
func (b *testbed) keepControl(events []event.Event) {
	events = events[:min(len(events), maxEvents)]
	b.controlEvents.CompareAndSwap(nil, &events)
}

// attachControl puts the control into the first result that failed.
func (b *testbed) attachControl(results []outcome.Result) {
	events := b.controlEvents.Load()
	i := slices.IndexFunc(results, func(r outcome.Result) bool { return r.Verdict == outcome.Fail && len(r.Events) > 0 })
	if events != nil && i >= 0 {
		results[i].Control = *events
	}
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

func (b *testbed) controlProcess(ctx context.Context, wire *proxy.Proxy, taps [2]*link.Tap, server *dialogueServer, log *event.Log) (scenario.Conversation, error) {
	process, err := b.startClient(ctx, sock.FormatAddress(wire.Addr()), "control", nil)
	if err != nil {
		return scenario.Conversation{}, err
	}
	defer process.Close()
	began := time.Now()
	endWatch := b.watchClient(ctx, process, wire.Addr(), wire.FirstUpstream())
	run, err := awaitClient(ctx, process, b.controlWait(log, process))
	past := endWatch() + b.countPast(wire.FirstUpstream(), began)
	switch {
	case err != nil:
		return scenario.Conversation{}, err
	case run.TimedOut || !run.Exit.Success():
		return scenario.Conversation{}, clientFailure(run, server)
	}
	if len(acceptTimes(log.AllEvents())) == 0 && past > 0 {
		return scenario.Conversation{}, fmt.Errorf("%w: the client did not connect to the proxy at %s; %s", errControl, sock.FormatAddress(wire.Addr()), sayPastProxy(past))
	}
	if len(acceptTimes(log.AllEvents())) == 0 {
		return scenario.Conversation{}, fmt.Errorf("%w: the client exited with status 0 without connecting to %s; its command must contain %s", errControl, sock.FormatAddress(wire.Addr()), addressWords(b.transport()))
	}
	if err := server.checkRequests(); err != nil {
		return scenario.Conversation{}, err
	}
	if past > 0 {
		b.leavers.Store(int64(past))
		b.pastProxy = "without a fault: " + sayPastProxy(past)
	}
	up, _ := taps[event.Upstream].RecordedBytes()
	down, _ := taps[event.Downstream].RecordedBytes()
	c := scenario.RecordedConversation(up, down)
	if b.script != nil {
		c = scenario.ScriptedConversation(b.script.WithRequests(up))
		c.Script = b.script
	}
	c.Exit, c.Stdout, c.Took, c.CPU = run.Exit.Code, run.Stdout, run.Elapsed, run.Exit.CPU
	return c, nil
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
