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
		Title: "A server that is asked to end does so although a client is connected",
		Rationale: "A thread that is blocked in recv ends when its client likes. A server that waits for it is killed by its service " +
			"manager in the end, and whatever it had to save is lost. One client has said nothing yet, another has had " +
			"an answer and keeps the connection.",
		Ref:   "Socket Programming HOWTO; ClickHouse#108581, pathfinder#883, nodejs/help#3701",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := process(c); err != nil {
				return nil, err
			}
			out := []scenario.Variant{acting(c, scenario.Variant{Name: "peer=silent", Level: declared(c), Act: leaveIdle(nil)})}
			if s := c.Conversation.Script; s != nil && (len(s.Steps) > 1 || s.End != dialogue.ServerCloses) {
				out = append(out, acting(c, scenario.Variant{Name: "peer=answered", Level: declared(c), Act: leaveIdle(scenario.First(s, 1))}))
			}
			return out, nil
		},
	}
}

// leaveIdle asks the server to end while a client is connected that has played
// the script, if any, and does nothing.
func leaveIdle(s *dialogue.Script) func(context.Context, scenario.Rig) error {
	return func(ctx context.Context, rig scenario.Rig) error {
		conn, err := connect(ctx, rig)
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
		if err := rig.Terminate(); err != nil {
			return err
		}
		rig.Struck("SIGTERM with an idle client connected")
		exit, err := rig.AwaitExit(ctx)
		return unclean(exit, err)
	}
}

// connect returns a connection that the server has accepted, and sleeps since.
func connect(ctx context.Context, rig scenario.Rig) (sock.Conn, error) {
	conn, err := rig.Dial(ctx)
	if err != nil {
		return nil, err
	}
	if _, err = rig.AwaitAccepted(ctx, conn); err == nil {
		err = asleep(ctx, rig) // else the signal could meet it between accept and what follows
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// unclean returns why an end after SIGTERM was none in order. SIGTERM itself may
// end a process, and SIGKILL is nobody's fault but the system's.
func unclean(exit peer.Exit, err error) error {
	if err != nil {
		return err
	}
	switch exit.Signal {
	case 0, syscall.SIGTERM, syscall.SIGKILL:
		return nil
	}
	return fmt.Errorf("after SIGTERM the server process ended badly: %s", exit)
}

func exitStatus() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/exit-status",
		Title: "A server that is asked to end says that it ended well",
		Rationale: "Service managers restart, or alarm somebody about, what ends with a status other than 0 or by a signal other " +
			"than the one it was sent.",
		Ref:   "systemd.service(5) SuccessExitStatus; signal(7)",
		Level: outcome.Info,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := process(c); err != nil {
				return nil, err
			}
			return []scenario.Variant{acting(c, scenario.Variant{Act: endAlone})}, nil
		},
	}
}

// endAlone asks a server to end that nobody is connected to.
func endAlone(ctx context.Context, rig scenario.Rig) error {
	if err := asleep(ctx, rig); err != nil {
		return err
	}
	if err := rig.Terminate(); err != nil {
		return err
	}
	rig.Struck("SIGTERM with nobody connected")
	exit, err := rig.AwaitExit(ctx)
	if err := unclean(exit, err); err != nil {
		return err
	}
	const shell = 128 // what a shell adds to the number of the signal that ended its child
	if exit.Signal == syscall.SIGTERM || exit.Code == 0 || exit.Code == shell+int(syscall.SIGTERM) {
		return nil
	}
	return fmt.Errorf("after SIGTERM the server %s, want status 0 or the end by SIGTERM itself", exit)
}

func noNewConnections() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/no-new-connections",
		Title: "A server that drains takes no new clients",
		Rationale: "A client that is let in by a server which is about to end loses its conversation later. Refused, it goes to the " +
			"next one at once.",
		Ref:   "catalogue: sigterm-drops-inflight",
		Level: outcome.Info,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := dialogued(c); err != nil {
				return nil, err
			}
			script := c.Conversation.Script
			if c.Target.Policies.Stop != scenario.StopDrains {
				return nil, c.Unsupported("the target does not declare that it drains: there is no such time")
			}
			if len(script.Steps[0].Send) < 2 || len(script.Steps[0].Expect) == 0 {
				return nil, c.Unsupported("the first request cannot be left half asked")
			}
			return []scenario.Variant{acting(c, scenario.Variant{Act: knock(script)})}, nil
		},
	}
}

// knock asks for a second conversation while the first one keeps the server from
// ending.
func knock(s *dialogue.Script) func(context.Context, scenario.Rig) error {
	half := len(s.Steps[0].Send) / 2
	return func(ctx context.Context, rig scenario.Rig) error {
		var served error
		err := converse(ctx, rig, halved(s), func(conn sock.Conn) error {
			if err := caughtUp(ctx, rig, conn, half); err != nil {
				return err
			}
			if err := terminate(ctx, rig, "SIGTERM with half a request read"); err != nil {
				return err
			}
			if rig.Greet(ctx) == nil {
				served = errors.New("the server was asked to end, and then let a new client in and answered it")
			}
			return nil
		})
		if served == nil && err != nil {
			rig.Struck("besides, it did not keep its promise to the first client: " + err.Error())
		}
		return served
	}
}
