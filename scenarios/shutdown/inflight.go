package shutdown

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
)

func inFlight() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/in-flight",
		Title: "A server that is asked to end answers what it was asked before",
		Rationale: "Every deployment ends the old server. exit in the signal handler drops what it was about: half a request that is " +
			"read, a lookup that has begun, the rest of an answer. A target that declares stop: drain must answer; what " +
			"follows, FIN or RST, is its own choice.",
		Ref:   "signal(7) SIGTERM; yamiochi#1074",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := dialogued(c); err != nil {
				return nil, err
			}
			if c.Target.Policies.Stop == scenario.StopImmediate {
				return nil, c.Unsupported("the target declares that it stops at once: nothing in flight is owed")
			}
			script := c.Conversation.Script
			var out []scenario.Variant
			if len(script.Steps[0].Send) > 1 && len(script.Steps[0].Expect) > 0 {
				out = append(out, flight(c, "request=half", halfAsked(script)))
			}
			if c.Target.Policies.Stop != scenario.StopDrains {
				return out, nil
			}
			if len(script.Steps[0].Expect) > 0 {
				out = append(out, flight(c, "request=whole", wholeAsked(script)))
			}
			if long := longAnswer(script); long >= 0 {
				out = append(out, flight(c, "answer=half", halfAnswered(script, long)))
			}
			return out, nil
		},
	}
}

func flight(c scenario.Case, name string, act func(context.Context, scenario.Rig) error) scenario.Variant {
	return acting(c, scenario.Variant{Name: name, Level: owed(c), Act: act})
}

// halfAsked asks half of the first request, lets the server be asked to end
// when it has read that and waits, and then asks the rest.
func halfAsked(s *dialogue.Script) func(context.Context, scenario.Rig) error {
	return func(ctx context.Context, rig scenario.Rig) error {
		return converse(ctx, rig, halved(s), func(conn sock.Conn) error {
			half := len(s.Steps[0].Send) / 2
			if err := caughtUp(ctx, rig, conn, half); err != nil {
				return err
			}
			return terminate(ctx, rig, fmt.Sprintf("SIGTERM when the server had read %d of %d bytes of a request", half, len(s.Steps[0].Send)))
		})
	}
}

// wholeAsked is the same with the whole request: a server that has answered when
// it sleeps had nothing in flight.
func wholeAsked(s *dialogue.Script) func(context.Context, scenario.Rig) error {
	whole := *scenario.First(s, 1)
	ask, answer := whole.Steps[0], whole.Steps[0]
	ask.Expect, answer.Send, answer.ShutdownWrite = nil, nil, false
	whole.Steps = []dialogue.Step{ask, answer}
	return func(ctx context.Context, rig scenario.Rig) error {
		return converse(ctx, rig, &whole, func(conn sock.Conn) error {
			if err := caughtUp(ctx, rig, conn, len(ask.Send)); err != nil {
				return err
			}
			return terminate(ctx, rig, "SIGTERM when the server had read a request and slept again")
		})
	}
}

// converse plays a script whose first step is what comes before the SIGTERM,
// does what between says, plays the rest and waits for the server's end.
func converse(ctx context.Context, rig scenario.Rig, s *dialogue.Script, between func(sock.Conn) error) error {
	conn, err := rig.Dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var failed error
	played := s.PlayClient(ctx, conn, dialogue.Options{NoEnd: true, AfterStep: func(i int) error {
		if i == 0 {
			failed = between(conn)
		}
		return failed
	}})
	if failed != nil {
		return failed
	}
	conn.Close()
	exit, err := rig.AwaitExit(ctx)
	return errors.Join(answered(played, len(s.Steps)), unclean(exit, err))
}

// halved is the script of the first exchange with its request in two steps.
func halved(s *dialogue.Script) *dialogue.Script {
	out := *scenario.First(s, 1)
	first, rest := out.Steps[0], out.Steps[0]
	half := len(first.Send) / 2
	first.Send, first.Expect, first.ShutdownWrite = first.Send[:half], nil, false
	rest.Send = rest.Send[half:]
	out.Steps = []dialogue.Step{first, rest}
	return &out
}

// caughtUp blocks until the server has read the first n bytes and sleeps.
func caughtUp(ctx context.Context, rig scenario.Rig, conn sock.Conn, n int) error {
	if err := rig.AwaitRead(ctx, conn, n); err != nil {
		return err
	}
	return asleep(ctx, rig)
}

// terminate asks the server to end and blocks until it has taken notice: a
// signal wakes it, and it sleeps or is gone when it has done what it does then.
func terminate(ctx context.Context, rig scenario.Rig, when string) error {
	if err := rig.Terminate(); err != nil {
		return err
	}
	rig.Struck(when)
	return asleep(ctx, rig)
}

// answered returns nil if all steps were complete.
func answered(p dialogue.Played, steps int) error {
	switch {
	case p.Mismatch != nil:
		return p.Mismatch
	case p.Steps >= steps:
		return nil
	}
	ending := string(p.Ending)
	if p.Ending == event.Open {
		ending = "nothing (still open)"
	}
	return fmt.Errorf("what was asked before SIGTERM was not answered: %s; the connection ended with: %s", p.Incomplete, ending)
}

// longReply is what a tiny window and the server's send buffer do not hold, so
// that the server cannot be done with it.
const longReply = 180_000

// longAnswer returns the first exchange whose answer is long, -1 for none.
func longAnswer(s *dialogue.Script) int {
	for i, step := range s.Steps {
		if literal, ok := step.Expect.Literal(); ok && len(literal) >= longReply {
			return i
		}
	}
	return -1
}

// asking is how long a request may take to be sent to a server that answers
// while it reads, and so may read no more.
const asking = 300 * time.Millisecond

// halfAnswered reads nothing of a long answer before the server was asked to end.
func halfAnswered(s *dialogue.Script, long int) func(context.Context, scenario.Rig) error {
	return func(ctx context.Context, rig scenario.Rig) error {
		conn, err := rig.DialWindow(ctx, wire.Window{ReceiveBuffer: 4096, SegmentSize: 1460})
		if err != nil {
			return err
		}
		defer conn.Close()
		rest := *scenario.First(s, long+1)
		last := rest.Steps[long]
		if long > 0 {
			before := scenario.First(s, long).PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
			if err := answered(before, long); err != nil {
				return err
			}
			rest.Greeting = nil
		}
		sent := ask(ctx, conn, last)
		defer func() { conn.Close(); <-sent }()
		if err := asleep(ctx, rig); err != nil {
			return err
		}
		if err := terminate(ctx, rig, "SIGTERM when nothing of a long answer had been read"); err != nil {
			return err
		}
		last.Send, last.ShutdownWrite = nil, false
		rest.Steps = []dialogue.Step{last}
		played := rest.PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
		conn.Close()
		exit, err := rig.AwaitExit(ctx)
		return errors.Join(answered(played, 1), unclean(exit, err))
	}
}

// ask sends the request, for a time; what is left of it goes on to be sent until
// the connection is closed, which closes sent.
func ask(ctx context.Context, conn sock.Conn, step dialogue.Step) (sent chan struct{}) {
	sent = make(chan struct{})
	go func() {
		defer close(sent)
		if _, err := conn.Write(step.Send); err == nil && step.ShutdownWrite {
			// What became of it the answer shows.
			_ = conn.CloseWrite()
		}
	}()
	timer := time.NewTimer(asking)
	defer timer.Stop()
	select {
	case <-sent:
	case <-timer.C:
	case <-ctx.Done():
	}
	return sent
}
