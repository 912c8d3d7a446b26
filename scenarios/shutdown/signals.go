package shutdown

import (
	"context"
	"fmt"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/scenario"
)

func harmlessSignals() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/signals",
		Title: "EINTR from a harmless signal (SIGCHLD, SIGCONT) does not drop clients",
		Rationale: "A system call that a signal interrupts fails with EINTR, and epoll_wait does so even after a stop and " +
			"continue. Causes are a suspended machine, a debugger, or a child process that exits. A server that treats " +
			"EINTR as an error drops one client, or all of them.",
		Ref:   "signal(7), interruption of system calls; EternalTerminal#516, libjuice#26",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireDialogue(c); err != nil {
				return nil, err
			}
			first := c.Conversation.Script.Steps[0]
			if len(first.Send) < 2 || len(first.Expect) == 0 {
				return nil, c.UnsupportedErrorf("the first request is too short to be split")
			}
			var out []scenario.Variant
			for _, kind := range []string{"SIGSTOP", "SIGCHLD"} {
				v := actVariant(c, scenario.Variant{Name: "signal=" + kind, Run: interrupt(c.Conversation.Script, kind)})
				v.Control = splitControl(c, "the signal")
				out = append(out, v)
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
		conn, err := rig.DialServer(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		half, script := len(s.Steps[0].Send)/2, splitRequest(s)
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
		return checkAnswered(played, len(script.Steps), kind+" in the middle of a request")
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
		rig.ReportStruck(fmt.Sprintf("%s while the server waited for the rest of a request", kind))
	}
	return nil
}

func nudge(ctx context.Context, rig scenario.ServerRig, kind string) error {
	if kind == "SIGCHLD" {
		return rig.SendSIGCHLD()
	}
	if err := rig.PauseServer(ctx); err != nil {
		return err
	}
	return rig.ResumeServer()
}
