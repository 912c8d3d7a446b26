package shutdown

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
)

func idlePeers() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/idle-peers",
		Title: "A server that receives SIGTERM exits although a client is connected",
		Rationale: "A thread blocked in recv ends only when its client sends or closes. A server that waits for it is killed " +
			"by its service manager and loses unsaved data. One client of this scenario has sent nothing, another one " +
			"has received an answer and keeps its connection open.",
		Ref:   "Socket Programming HOWTO; ClickHouse#108581, pathfinder#883, nodejs/help#3701",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireProcess(c); err != nil {
				return nil, err
			}
			out := []scenario.Variant{actVariant(c, scenario.Variant{Name: "peer=silent", Level: declaredLevel(c), Run: leaveIdle(nil)})}
			if s := c.Conversation.Script; s != nil && (len(s.Steps) > 1 || s.End != dialogue.ServerCloses) {
				out = append(out, actVariant(c, scenario.Variant{Name: "peer=answered", Level: declaredLevel(c), Run: leaveIdle(scenario.FirstExchanges(s, 1))}))
			}
			return out, nil
		},
	}
}

// leaveIdle asks the server to end while a client is connected that has played
// the script, if any, and does nothing.
func leaveIdle(s *dialogue.Script) func(context.Context, scenario.Rig) error {
	return func(ctx context.Context, rig scenario.Rig) error {
		conn, err := connectAccepted(ctx, rig)
		if err != nil {
			return err
		}
		defer conn.Close()
		if s != nil {
			played := s.PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
			if err := played.Mismatch; err != nil {
				return err
			}
			if played.Steps < len(s.Steps) {
				return errors.New(played.Incomplete)
			}
		}
		if err := rig.TerminateServer(); err != nil {
			return err
		}
		rig.ReportStruck("sent SIGTERM while an idle client was connected")
		exit, err := rig.AwaitExit(ctx)
		return uncleanExit(exit, err)
	}
}

// connectAccepted returns a connection that the server has accepted, and sleeps since.
func connectAccepted(ctx context.Context, rig scenario.Rig) (sock.Conn, error) {
	conn, err := rig.DialServer(ctx)
	if err != nil {
		return nil, err
	}
	if _, err = rig.AwaitAccepted(ctx, conn); err == nil {
		err = awaitSleep(ctx, rig) // else the signal could meet it between accept and what follows
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// uncleanExit returns why an end after SIGTERM was none in order. SIGTERM itself may
// end a process, and SIGKILL is nobody's fault but the system's.
func uncleanExit(exit peer.Exit, err error) error {
	if err != nil {
		return err
	}
	switch exit.Signal {
	case 0, syscall.SIGTERM, syscall.SIGKILL:
		return nil
	}
	return fmt.Errorf("after SIGTERM the server did not exit cleanly: %s", exit)
}

func exitStatus() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/exit-status",
		Title: "A server that receives SIGTERM exits with status 0 or by that signal",
		Rationale: "Service managers restart a service, or raise an alarm, if it exits with another status or is killed by " +
			"another signal.",
		Ref:   "systemd.service(5) SuccessExitStatus; signal(7)",
		Level: outcome.Info,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireProcess(c); err != nil {
				return nil, err
			}
			return []scenario.Variant{actVariant(c, scenario.Variant{Run: endAlone})}, nil
		},
	}
}

// endAlone asks a server to end that nobody is connected to.
func endAlone(ctx context.Context, rig scenario.Rig) error {
	if err := awaitSleep(ctx, rig); err != nil {
		return err
	}
	if err := rig.TerminateServer(); err != nil {
		return err
	}
	rig.ReportStruck("SIGTERM with no client connected")
	exit, err := rig.AwaitExit(ctx)
	if err := uncleanExit(exit, err); err != nil {
		return err
	}
	const shell = 128 // what a shell adds to the number of the signal that ended its child
	if exit.Signal == syscall.SIGTERM || exit.Code == 0 || exit.Code == shell+int(syscall.SIGTERM) {
		return nil
	}
	return fmt.Errorf("after SIGTERM the server %s, want exit status 0 or end by SIGTERM", exit)
}

func noNewConnections() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/no-new-connections",
		Title: "A server that drains does not accept new clients",
		Rationale: "A server that is about to exit and still accepts a client drops its conversation later. A refused client " +
			"can connect to another server at once.",
		Ref:   "catalogue: sigterm-drops-inflight",
		Level: outcome.Info,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireDialogue(c); err != nil {
				return nil, err
			}
			script := c.Conversation.Script
			if c.Target.Policies.Stop != scenario.StopDrains {
				return nil, c.UnsupportedErrorf("the target does not declare stop: drain")
			}
			if len(script.Steps[0].Send) < 2 || len(script.Steps[0].Expect) == 0 {
				return nil, c.UnsupportedErrorf("the first request is too short to be split")
			}
			return []scenario.Variant{actVariant(c, scenario.Variant{Run: secondConversation(script)})}, nil
		},
	}
}

// secondConversation asks for a second conversation while the first one keeps the server from
// ending.
func secondConversation(s *dialogue.Script) func(context.Context, scenario.Rig) error {
	return func(ctx context.Context, rig scenario.Rig) error {
		var served error
		err := playWithPause(ctx, rig, splitRequest(s), func() error {
			if err := terminateServer(ctx, rig, "SIGTERM after the server had read half a request"); err != nil {
				return err
			}
			if rig.FirstExchange(ctx) == nil {
				served = errors.New("the server accepted and answered a new client after SIGTERM")
			}
			return nil
		})
		if served == nil && err != nil {
			rig.ReportStruck("also, the first client did not get its answer: " + err.Error())
		}
		return served
	}
}
