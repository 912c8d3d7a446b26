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
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

// controlPatience is for the conversation without a fault. It only has to be
// longer than the slowest healthy start of an interpreter on a busy machine.
const controlPatience = 20 * time.Second

// mostOutput bounds how much of a client's output is compared.
const mostOutput = 16 << 20

// calibrate holds the control conversation twice: only what is the same in both
// can be compared later.
func (b *bench) calibrate(ctx context.Context) (scenario.Conversation, error) {
	first, err := b.control(ctx)
	if err != nil {
		return first, err
	}
	second, err := b.control(ctx)
	if err != nil {
		return first, fmt.Errorf("the second time: %w", err)
	}
	first.Output = scenario.LikenessOf(first.Stdout, second.Stdout)
	first.Took = max(first.Took, second.Took)
	return first, nil
}

// control holds the target's conversation through a proxy that does nothing.
func (b *bench) control(ctx context.Context) (scenario.Conversation, error) {
	ctx, cancel := context.WithTimeout(ctx, controlPatience)
	defer cancel()
	upstream := b.address
	if b.target.Server.Dialogue != nil {
		server, err := serveDialogue(ctx, b.script)
		if err != nil {
			return scenario.Conversation{}, err
		}
		defer server.close()
		upstream = server.addr()
	}
	taps := [2]*link.Tap{event.Upstream: link.NewTap(mostOutput), event.Downstream: link.NewTap(mostOutput)}
	wire, err := proxy.New(proxy.Config{Name: b.target.Name, Listen: "127.0.0.1:0", Upstream: upstream, UpstreamDown: proxy.DownReset,
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
		return b.controlDialogue(ctx, wire.Addr())
	}
	return b.controlProcess(ctx, wire, taps)
}

func (b *bench) controlDialogue(ctx context.Context, addr net.Addr) (scenario.Conversation, error) {
	conn, err := dial(ctx, addr.String())
	if err != nil {
		return scenario.Conversation{}, err
	}
	defer conn.Close()
	played := b.script.PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
	if played.Mismatch != nil {
		return scenario.Conversation{}, fmt.Errorf("%w: %w", errControl, played.Mismatch)
	}
	if played.Steps < len(b.script.Steps) {
		return scenario.Conversation{}, fmt.Errorf("%w: got %d of %d answers, then: %s", errControl, played.Steps, len(b.script.Steps), ending(played.Ending))
	}
	c := scenario.ScriptedConversation(b.script)
	if err := b.unasked(conn, beyond(c, played.Received)); err != nil {
		return scenario.Conversation{}, err
	}
	c.Took = played.Elapsed
	if c.Downstream.Bytes == nil {
		c.Downstream.Bytes = played.Received
	}
	return c, nil
}

// answerPatience is for an answer of which the dialogue knows nothing.
const answerPatience = 200 * time.Millisecond

// beyond returns what was received after all that the dialogue expects, as far as it
// says that byte for byte.
func beyond(c scenario.Conversation, received []byte) []byte {
	asks := func(s dialogue.Step) bool { return len(s.Expect) > 0 }
	if c.Downstream.Bytes == nil && (len(c.Script.Greeting) > 0 || slices.ContainsFunc(c.Script.Steps, asks)) {
		return nil
	}
	return received[min(len(c.Downstream.Bytes), len(received)):]
}

// unasked returns an error if something comes after a last exchange that expects
// nothing: with a fault in the way it would be held against the server. Early is what of
// it was read already.
func (b *bench) unasked(conn sock.Conn, early []byte) error {
	steps := b.script.Steps
	if len(steps) == 0 || len(steps[len(steps)-1].Expect) > 0 || b.script.End != dialogue.ClientCloses {
		return nil
	}
	if err := conn.CloseWrite(); err != nil {
		return nil // whoever ends it, nothing came
	}
	if err := conn.SetReadDeadline(time.Now().Add(answerPatience)); err != nil {
		return err
	}
	came, _ := io.ReadAll(io.LimitReader(conn, 80))
	if came = append(bytes.Clone(early), came...); len(came) > 0 {
		return fmt.Errorf("%w: the dialogue expects nothing after the last exchange, and there comes %q: say so with expect", errControl, came)
	}
	return nil
}

func (b *bench) controlProcess(ctx context.Context, wire *proxy.Proxy, taps [2]*link.Tap) (scenario.Conversation, error) {
	process, err := b.startClient(ctx, wire.Addr(), "control")
	if err != nil {
		return scenario.Conversation{}, err
	}
	defer process.Close()
	run, err := await(ctx, process, wait{budget: controlPatience / 2, pids: process.Tree})
	switch {
	case err != nil:
		return scenario.Conversation{}, err
	case run.HungUp:
		return scenario.Conversation{}, fmt.Errorf("%w: the client was still running after %s", errControl, run.Elapsed.Round(time.Millisecond))
	case !run.Exit.Success():
		return scenario.Conversation{}, fmt.Errorf("%w: the client %s: %s", errControl, run.Exit, bytes.TrimSpace(run.Stderr))
	}
	up, _ := taps[event.Upstream].Bytes()
	down, _ := taps[event.Downstream].Bytes()
	c := scenario.RecordedConversation(up, down)
	if b.script != nil {
		c = scenario.ScriptedConversation(b.script)
	}
	c.Exit, c.Stdout, c.Took = run.Exit.Code, run.Stdout, run.Elapsed
	return c, nil
}

// output reads what the process wrote on its standard output, up to mostOutput.
func output(p *peer.Process) ([]byte, error) {
	file, err := p.Stdout().Open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, mostOutput))
}
