package shutdown

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

func restart() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/restart",
		Title: "A server that was stopped can listen on the same port again at once",
		Rationale: "The side that closes first keeps the address, in FIN_WAIT_2 while its client is connected and then in " +
			"TIME_WAIT for a minute. Without SO_REUSEADDR the new server cannot bind during that time.",
		Ref:   "socket(7) SO_REUSEADDR; RFC 9293 §3.6.1; ytyou/ticktock#44, open62541#6463, tio#257",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireDialogue(c); err != nil {
				return nil, err
			}
			var out []scenario.Variant
			for _, state := range []string{"fin-wait", "time-wait"} {
				out = append(out, actVariant(c, scenario.Variant{Name: "peers=" + state, Run: startAgain(state == "time-wait")}))
			}
			return out, nil
		},
	}
}

// connected is how many clients see the server end.
const connected = 3

// leaving is how long a server may take to end before it is killed. Whether it
// ends in time is not the question here.
const leaving = time.Second

// startAgain ends the server while clients are connected, which then leave or
// not, and starts it again.
func startAgain(leave bool) func(context.Context, scenario.Rig) error {
	return func(ctx context.Context, rig scenario.Rig) error {
		var clients []net.Conn
		defer func() {
			for _, c := range clients {
				c.Close()
			}
		}()
		for range connected {
			conn, err := rig.DialServer(ctx)
			if err != nil {
				return err
			}
			clients = append(clients, conn)
			if len(clients) > 1 {
				continue // one may be all that it takes at a time
			}
			if _, err := rig.AwaitAccepted(ctx, conn); err != nil {
				return err
			}
		}
		if err := awaitSleep(ctx, rig); err != nil {
			return err
		}
		if err := rig.TerminateServer(); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, leaving)
		defer cancel()
		_, hangs := rig.AwaitExit(limited)
		rig.ReportStruck("SIGTERM while clients were connected")
		if leave && hangs == nil {
			for _, c := range clients {
				// How it ends does not matter; that its FIN is there before ours does. A child that
				// outlives the server may never send one.
				if err := c.SetReadDeadline(time.Now().Add(leaving)); err != nil {
					return err
				}
				_, _ = io.Copy(io.Discard, c)
				c.Close()
			}
		}
		return rig.StartServer(ctx)
	}
}

func portTaken() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/port-taken",
		Title: "A server whose port is taken exits with an error at once",
		Rationale: "bind fails with EADDRINUSE. A server that continues without its port looks healthy and serves no client. " +
			"A server that exits 0 looks as if it had finished its work.",
		Ref:        "bind(2) EADDRINUSE; catalogue: port-taken-ignored",
		Level:      outcome.Must,
		Roles:      scenario.ServerRole(),
		Transports: []scenario.Transport{scenario.TCP},
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireProcess(c); err != nil {
				return nil, err
			}
			if s := c.Target.Server; !(peer.Command{Args: s.Command, Env: s.Env}).TakesPort() {
				return nil, c.UnsupportedErrorf("the server's command has no {port}, so the harness cannot give it a taken port")
			}
			v := actVariant(c, scenario.Variant{Run: startTaken})
			v.Budget += maxPortTries
			return []scenario.Variant{v}, nil
		},
	}
}

// maxPortTries is how long a server may try to get a port that is taken: some try five
// times, a second apart, because the old server may be about to end.
const maxPortTries = 12 * time.Second

// startTaken starts the server on a port on which the harness listens.
func startTaken(ctx context.Context, rig scenario.Rig) error {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	holder, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer holder.Close()
	taken := holder.Addr().String()
	limited, cancel := context.WithTimeout(ctx, maxPortTries)
	defer cancel()
	found, err := rig.StartSecondInstance(limited, taken)
	if err != nil {
		return err
	}
	rig.ReportStruck(fmt.Sprintf("started the server on %s, where the harness already listens", taken))
	switch {
	case found.Exit == nil && len(found.ListenAddrs) > 0:
		return nil // it took another one, and serves there
	case found.Exit == nil && !found.Stuck:
		return scenario.NewUndeclared("nothing: how long a server may try is its own choice",
			"its port is taken, and the server still runs without serving after %v", maxPortTries)
	case found.Exit == nil:
		return fmt.Errorf("the server's port was taken, and the server keeps running without serving: %s%s", found.StillRunning, scenario.QuoteLastLine(found.Stderr))
	case found.Exit.Success():
		return fmt.Errorf("the server's port was taken, and the server exited with status 0, which means success%s", scenario.QuoteLastLine(found.Stderr))
	}
	return nil
}
