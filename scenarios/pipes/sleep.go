package pipes

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

const (
	// unreadBytes is how many bytes of answers are asked for: a pipe takes 64 KiB, a
	// socket some 200 KiB.
	unreadBytes = 256 << 10
	// mostRequests bounds the requests for that.
	mostRequests = 100_000
	// haltLooks is how many times in a row, haltPause apart, nothing must have moved.
	haltLooks = 10
	haltPause = 5 * time.Millisecond
	// firstTag begins the ids of repeated requests, where the protocol has such.
	firstTag = 100_001
)

func sleepingReader() scenario.Scenario {
	return scenario.Scenario{
		ID:    "pipes/sleeping-reader",
		Title: "Answers that fill the pipe arrive whole although their client does not read for a while",
		Rationale: "A pipe holds 64 KiB. A write to a full pipe blocks; on a non-blocking descriptor it takes a part of the " +
			"bytes or none. A server that ignores how much was taken, or exits before the rest is written, as " +
			"process.exit does in Node, loses the end of its answers, and its status is 0.",
		Ref:      "pipe(7); write(2) EAGAIN; nodejs.org process: a note on process I/O",
		Level:    outcome.Must,
		Roles:    scenario.ServerRole(),
		Variants: sleepVariants,
	}
}

func sleepVariants(c scenario.Case) ([]scenario.Variant, error) {
	script, err := manyAnswers(c)
	if err != nil {
		return nil, err
	}
	open := act(c, "input=open", func(ctx context.Context, rig scenario.Rig) error { return sleepOnAnswers(ctx, rig, script) })
	out := []scenario.Variant{open}
	if c.Target.HalfClose() == scenario.HalfCloseCloses || c.Target.HalfClose() == scenario.HalfCloseAborts {
		return out, nil
	}
	last := *script
	last.Steps = append([]dialogue.Step(nil), script.Steps...)
	last.Steps[len(last.Steps)-1].ShutdownWrite = true
	ended := act(c, "input=ended", func(ctx context.Context, rig scenario.Rig) error { return sleepOnAnswers(ctx, rig, &last) })
	if c.Target.HalfClose() == scenario.HalfCloseUndeclared {
		ended.Level, ended.Declare = outcome.Info, c.Target.DeclareAnswer()
	}
	return append(out, ended), nil
}

// manyAnswers returns the dialogue with one request repeated behind it until the answers
// are more than a pipe takes.
func manyAnswers(c scenario.Case) (*dialogue.Script, error) {
	script := c.Conversation.Script
	if script == nil {
		return nil, c.UnsupportedErrorf("the target has no dialogue")
	}
	if !c.Target.Policies.MayPipeline() {
		return nil, c.UnsupportedErrorf("the target does not declare pipelining, so only one answer can be asked for")
	}
	if _, known := literal(script.Greeting); !known {
		return nil, c.UnsupportedErrorf("the greeting is not known byte by byte")
	}
	repeated, length := -1, 0
	for i, step := range script.Steps {
		answer, known := literal(step.Expect)
		usable := known && len(step.Send) > 0 && !step.Once && scenario.IsWholeRequest(script, i) && !script.WritesCaptured(i)
		if step.ShutdownWrite {
			return nil, c.UnsupportedErrorf("the client's FIN is part of the dialogue, so no request can follow it")
		}
		if usable && answer > length {
			repeated, length = i, answer
		}
	}
	if repeated < 0 {
		return nil, c.UnsupportedErrorf("the dialogue has no request with an answer of known bytes that can be repeated (once, continues)")
	}
	times := unreadBytes/length + 1
	if times > mostRequests {
		return nil, c.UnsupportedErrorf("%d requests get less than %d KiB of answers", mostRequests, unreadBytes>>10)
	}
	many := *script
	many.Steps = append([]dialogue.Step(nil), script.Steps[:repeated+1]...)
	for i := range times {
		step := script.Steps[repeated]
		if script.Tag != nil {
			var tagged bool
			if step, tagged = script.WithTag(repeated, strconv.Itoa(firstTag+i)); !tagged {
				return nil, c.UnsupportedErrorf("a repeated request needs an id of its own (order), and this one cannot be given another")
			}
		}
		many.Steps = append(many.Steps, step)
	}
	many.End = dialogue.ClientCloses
	return &many, nil
}

// literal returns how many bytes a pattern stands for, and whether it says which.
func literal(p dialogue.Pattern) (n int, known bool) {
	b, known := p.LiteralBytes()
	return len(b), known || len(p) == 0
}

// sleepOnAnswers sends all requests, reads nothing until the server has stopped to work, and
// then reads all.
func sleepOnAnswers(ctx context.Context, rig scenario.Rig, script *dialogue.Script) error {
	conn, err := rig.DialServer(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	greeting, _ := literal(script.Greeting)
	gated := &gate{Conn: conn, free: greeting, open: make(chan struct{})}
	defer gated.release()
	played := make(chan dialogue.Played, 1)
	reading, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { played <- script.PlayClient(reading, gated, dialogue.Options{Pipelined: true}) }()
	unread, err := awaitHalt(ctx, rig, conn)
	if err != nil {
		return err
	}
	rig.ReportStruck(fmt.Sprintf("%s of answers were unread, and the server slept", plural.Count(unread, "byte")))
	gated.release()
	stuck, stop := untilStuck(ctx, rig, gated.moved.Load)
	defer stop()
	defer context.AfterFunc(stuck, func() { cancel(context.Cause(stuck)) })()
	p := <-played
	if p.Steps < len(script.Steps) || p.Mismatch != nil {
		why := ""
		if cause := context.Cause(reading); cause != nil {
			why = "; " + cause.Error()
		}
		return fmt.Errorf("%s came of the answers to %s, whose client slept: %w%s", plural.Count(len(p.Received), "byte"), plural.Count(len(script.Steps), "request"), p.Err(), why)
	}
	return nil
}

// awaitHalt blocks until answers lie unread and all processes of the server sleep, and returns
// how many bytes lie with the client.
func awaitHalt(ctx context.Context, rig scenario.KernelRig, conn sock.Conn) (unread int, err error) {
	for quiet := 0; quiet < haltLooks; {
		before, err := unreadOn(conn)
		if err != nil {
			return 0, err
		}
		if err := rig.AwaitAsleep(ctx); err != nil {
			return 0, err
		}
		select {
		case <-time.After(haltPause):
		case <-ctx.Done():
			return 0, fmt.Errorf("%s of answers had come: %w", plural.Count(before, "byte"), context.Cause(ctx))
		}
		if unread, err = unreadOn(conn); err != nil {
			return 0, err
		}
		if quiet++; unread != before || unread == 0 {
			quiet = 0
		}
	}
	return unread, nil
}

// unreadOn returns how many bytes lie unread on our end.
func unreadOn(conn sock.Conn) (int, error) {
	n, err := sock.InQueue(conn)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", scenario.ErrUnsupported, err)
	}
	return n, nil
}

// A gate is a connection of which only the first bytes can be read until it is opened.
type gate struct {
	sock.Conn
	free  int
	once  sync.Once
	open  chan struct{}
	moved atomic.Int64 // how many reads and writes have returned
}

func (g *gate) release() { g.once.Do(func() { close(g.open) }) }

// Read implements [io.Reader]. It is for one goroutine.
func (g *gate) Read(b []byte) (int, error) {
	defer g.moved.Add(1)
	if g.free > 0 {
		n, err := g.Conn.Read(b[:min(len(b), g.free)])
		g.free -= n
		return n, err
	}
	<-g.open
	return g.Conn.Read(b)
}

// Write implements [io.Writer].
func (g *gate) Write(b []byte) (int, error) {
	defer g.moved.Add(1)
	return g.Conn.Write(b)
}
