package shutdown

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

func signals() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/signals",
		Title: "A signal that says nothing to a server interrupts nothing",
		Rationale: "A system call that a signal interrupts fails with EINTR, epoll_wait even after a mere stop and continue: a suspended " +
			"machine, a debugger, a child that ends. Whoever takes that for an error drops a client, or all.",
		Ref:   "signal(7), interruption of system calls; EternalTerminal#516, libjuice#26",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := dialogued(c); err != nil {
				return nil, err
			}
			first := c.Conversation.Script.Steps[0]
			if len(first.Send) < 2 || len(first.Expect) == 0 {
				return nil, c.Unsupported("the first request cannot be left half asked")
			}
			var out []scenario.Variant
			for _, kind := range []string{"SIGSTOP", "SIGCHLD"} {
				out = append(out, acting(c, scenario.Variant{Name: "signal=" + kind, Act: interrupt(c.Conversation.Script, kind)}))
			}
			return out, nil
		},
	}
}

// burst is how often the server is interrupted, each time when it sleeps.
const burst = 3

// interrupt sends signals while the server waits for the second half of a request.
func interrupt(s *dialogue.Script, kind string) func(context.Context, scenario.Rig) error {
	return func(ctx context.Context, rig scenario.Rig) error {
		conn, err := rig.Dial(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		half, script := len(s.Steps[0].Send)/2, halved(s)
		var failed error
		played := script.PlayClient(ctx, conn, dialogue.Options{NoEnd: true, AfterStep: func(i int) error {
			if i == 0 {
				failed = disturb(ctx, rig, kind, func() error { return caughtUp(ctx, rig, conn, half) })
			}
			return failed
		}})
		if failed != nil {
			return failed
		}
		if err := answered(played, len(script.Steps)); err != nil {
			return fmt.Errorf("after %s in the middle of a request: %w", kind, err)
		}
		return nil
	}
}

// disturb sends the burst, each signal when ready has returned.
func disturb(ctx context.Context, rig scenario.Rig, kind string, ready func() error) error {
	for range burst {
		if err := ready(); err != nil {
			return err
		}
		if err := nudge(ctx, rig, kind); err != nil {
			return err
		}
		rig.Struck(fmt.Sprintf("%s while the server waited for the rest of a request", kind))
	}
	return nil
}

func nudge(ctx context.Context, rig scenario.Rig, kind string) error {
	if kind == "SIGCHLD" {
		return rig.Nudge()
	}
	if err := rig.Pause(ctx); err != nil {
		return err
	}
	return rig.Resume()
}
