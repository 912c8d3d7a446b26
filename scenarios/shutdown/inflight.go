package shutdown

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

func inFlight() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/in-flight",
		Title: "A server that receives SIGTERM answers the requests it has already received",
		Rationale: "Every deployment stops the old server. A server that calls exit in its signal handler drops its work: " +
			"half a received request, a lookup in progress, the rest of an answer. A target that declares stop: drain " +
			"must answer; it may then send FIN or RST. It should also answer a request of which only a part had arrived, and " +
			"accept and answer a client whose request waits in the accept queue: if the server only closes its listener, " +
			"the kernel resets that client.",
		Ref:   "signal(7) SIGTERM; yamiochi#1074",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireDialogue(c); err != nil {
				return nil, err
			}
			if c.Target.Policies.Stop == scenario.StopImmediate {
				return nil, c.UnsupportedErrorf("the target declares stop: immediate, so requests in flight need no answer")
			}
			script := c.Conversation.Script
			var out []scenario.Variant
			if len(script.Steps[0].Send) > 1 && len(script.Steps[0].Expect) > 0 {
				half := inFlightVariant(c, "request=half", halfAsked(script))
				half.Control = splitControl(c, "the SIGTERM")
				if half.Level == outcome.Must {
					half.Level = outcome.Should // a request that is not whole is not received yet
				}
				out = append(out, half)
			}
			if c.Target.Policies.Stop != scenario.StopDrains {
				return out, nil
			}
			if len(script.Steps[0].Expect) > 0 {
				out = append(out, inFlightVariant(c, "request=whole", wholeAsked(script)))
			}
			if len(script.Steps[0].Expect) > 0 && len(script.Greeting) == 0 {
				queued := inFlightVariant(c, "request=queued", askedInQueue(script))
				queued.Level = outcome.Should // runtimes that close the listener give their programs no way to accept the rest
				out = append(out, queued)
			}
			if long := longAnswer(script); long >= 0 {
				out = append(out, inFlightVariant(c, "answer=half", halfAnswered(script, long)))
			}
			return out, nil
		},
	}
}

func inFlightVariant(c scenario.Case, name string, act func(context.Context, scenario.Rig) error) scenario.Variant {
	return actVariant(c, scenario.Variant{Name: name, Level: owedLevel(c), Run: act})
}

// halfAsked asks half of the first request, lets the server be asked to end
// when it has read that and waits, and then asks the rest.
func halfAsked(s *dialogue.Script) func(context.Context, scenario.Rig) error {
	return func(ctx context.Context, rig scenario.Rig) error {
		return playWithPause(ctx, rig, splitRequest(s), func() error {
			all := len(s.Steps[0].Send)
			return terminateServer(ctx, rig, fmt.Sprintf("SIGTERM after the server had read %d of %s of a request", all/2, plural.Count(all, "byte")))
		})
	}
}

// wholeAsked is the same with the whole request: a server that has answered when
// it sleeps had nothing in flight.
func wholeAsked(s *dialogue.Script) func(context.Context, scenario.Rig) error {
	whole := *scenario.FirstExchanges(s, 1)
	ask, answer := whole.Steps[0], whole.Steps[0]
	ask.Expect, answer.Send, answer.ShutdownWrite = nil, nil, false
	ask.Connect = nil
	whole.Steps = []dialogue.Step{ask, answer}
	return func(ctx context.Context, rig scenario.Rig) error {
		return playWithPause(ctx, rig, &whole, func() error {
			return terminateServer(ctx, rig, "SIGTERM after the server had read a request and was idle again")
		})
	}
}

// playWithPause plays a script whose first step is what comes before the SIGTERM, does
// what between says when the server has read that and sleeps, plays the rest and waits
// for the server's end.
func playWithPause(ctx context.Context, rig scenario.Rig, s *dialogue.Script, between func() error) error {
	conn, err := rig.DialServer(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var failed error
	played := s.PlayClient(ctx, conn, dialogue.Options{NoEnd: true, AfterStep: func(i int) error {
		if i > 0 {
			return nil
		}
		if failed = caughtUp(ctx, rig, conn, len(s.Steps[0].Send)); failed == nil {
			failed = between()
		}
		return failed
	}})
	if failed != nil {
		return failed
	}
	conn.Close()
	exit, err := rig.AwaitExit(ctx)
	return errors.Join(checkAnswered(played, len(s.Steps), beforeTerm), uncleanExit(exit, err))
}

// splitRequest is the script of the first exchange with its request in two steps.
func splitRequest(s *dialogue.Script) *dialogue.Script {
	out := *scenario.FirstExchanges(s, 1)
	first, rest := out.Steps[0], out.Steps[0]
	half := len(first.Send) / 2
	first.Send, first.Expect, first.ShutdownWrite, first.Connect = first.Send[:half], nil, false, nil
	rest.Send = rest.Send[half:]
	out.Steps = []dialogue.Step{first, rest}
	return &out
}

// caughtUp blocks until the server has read the first n bytes and sleeps.
func caughtUp(ctx context.Context, rig scenario.Rig, conn sock.Conn, n int) error {
	if err := rig.AwaitRead(ctx, conn, n); err != nil {
		return err
	}
	return awaitSleep(ctx, rig)
}

// terminateServer asks the server to end and blocks until it has taken notice: a
// signal wakes it, and it sleeps or is gone when it has done what it does then.
func terminateServer(ctx context.Context, rig scenario.Rig, when string) error {
	if err := rig.TerminateServer(); err != nil {
		return err
	}
	rig.ReportStruck(when)
	if err := awaitSleep(ctx, rig); err != nil {
		return err
	}
	awaitNoListener(ctx, rig)
	return awaitSleep(ctx, rig)
}

// noticing bounds the wait for a server to close its listener: some only set a flag in
// their handler, and a loop looks at it twice a second (Python's socketserver).
const noticing = 700 * time.Millisecond

// awaitNoListener blocks until the server does not listen any more, for a time: what a server
// drops by then it drops each time, and not only on a busy machine.
func awaitNoListener(ctx context.Context, rig scenario.KernelRig) {
	limited, cancel := context.WithTimeout(ctx, noticing)
	defer cancel()
	for listeners, err := rig.ServerListeners(); err == nil && len(listeners) > 0; listeners, err = rig.ServerListeners() {
		if !sleep.For(limited, 5*time.Millisecond) {
			return
		}
	}
}

// beforeTerm says when a request was sent that must be answered.
const beforeTerm = "SIGTERM during a request"

// checkAnswered returns nil if all steps were complete. Cause is what happened meanwhile, for
// people; empty: nothing did.
func checkAnswered(p dialogue.Played, steps int, cause string) error {
	var err error
	switch {
	case p.Mismatch != nil:
		err = p.Mismatch
	case p.Steps >= steps:
		return nil
	default:
		err = fmt.Errorf("the server did not answer the request: %s", cmp.Or(p.Incomplete, "the connection ended with: "+endingText(p.Ending)))
	}
	if cause == "" {
		return err
	}
	return fmt.Errorf("after %s: %w", cause, err)
}

func endingText(e event.Ending) string {
	if e == event.Open {
		return "nothing (still open)"
	}
	return string(e)
}

// longReply is what a tiny window and the server's send buffer do not hold, so
// that the server cannot be done with it.
const longReply = 180_000

// longAnswer returns the first exchange whose answer is long, -1 for none.
func longAnswer(s *dialogue.Script) int {
	for i, step := range s.Steps {
		if literal, ok := step.Expect.LiteralBytes(); ok && len(literal) >= longReply {
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
		conn, err := rig.DialWindow(ctx, hook.SocketLimits{ReceiveBuffer: 4096, SegmentSize: 1460})
		if err != nil {
			return err
		}
		defer conn.Close()
		s := s.ForConnection()
		rest := *scenario.FirstExchanges(s, long+1)
		last := rest.Steps[long]
		if long > 0 {
			before := scenario.FirstExchanges(s, long).PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
			if err := checkAnswered(before, long, ""); err != nil {
				return err
			}
			rest.Greeting = nil
		}
		sent := sendRequest(ctx, conn, last)
		defer func() { conn.Close(); <-sent }()
		if err := awaitSleep(ctx, rig); err != nil {
			return err
		}
		if err := terminateServer(ctx, rig, "SIGTERM before the client had read any of a long answer"); err != nil {
			return err
		}
		last.Send, last.ShutdownWrite = nil, false
		rest.Steps = []dialogue.Step{last}
		played := rest.PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
		conn.Close()
		exit, err := rig.AwaitExit(ctx)
		return errors.Join(checkAnswered(played, 1, beforeTerm), uncleanExit(exit, err))
	}
}

// sendRequest sends the request, for a time; what is left of it goes on to be sent until
// the connection is closed, which closes sent.
func sendRequest(ctx context.Context, conn sock.Conn, step dialogue.Step) (sent chan struct{}) {
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
