package shutdown

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/scenario"
)

func restart() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/restart",
		Title: "A server that was stopped listens on the same port again at once",
		Rationale: "The side that closes first keeps the address, in FIN_WAIT_2 while its client stays, in TIME_WAIT for a minute after " +
			"that. Without SO_REUSEADDR the new server cannot bind so long.",
		Ref:   "socket(7) SO_REUSEADDR; RFC 9293 §3.6.1; ytyou/ticktock#44, open62541#6463, tio#257",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := dialogued(c); err != nil {
				return nil, err
			}
			var out []scenario.Variant
			for _, state := range []string{"fin-wait", "time-wait"} {
				out = append(out, acting(c, scenario.Variant{Name: "peers=" + state, Act: startAgain(state == "time-wait")}))
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
			conn, err := rig.Dial(ctx)
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
		if err := asleep(ctx, rig); err != nil {
			return err
		}
		if err := rig.Terminate(); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, leaving)
		defer cancel()
		_, hangs := rig.AwaitExit(limited)
		rig.Struck("the server was asked to end with clients connected")
		if leave && hangs == nil {
			for _, c := range clients {
				// How it ends does not matter; that its FIN is there before ours does.
				_, _ = io.Copy(io.Discard, c)
				c.Close()
			}
		}
		return rig.Start(ctx)
	}
}

func portTaken() scenario.Scenario {
	return scenario.Scenario{
		ID:    "shutdown/port-taken",
		Title: "A server whose port is taken fails, loudly and at once",
		Rationale: "bind says EADDRINUSE. A server that goes on without its port runs, is monitored, and serves nobody; one that " +
			"ends with status 0 is taken for one that was done.",
		Ref:   "bind(2) EADDRINUSE; catalogue: port-taken-ignored",
		Level: outcome.Must,
		Roles: scenario.Servers(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := process(c); err != nil {
				return nil, err
			}
			if s := c.Target.Server; !(peer.Command{Args: s.Command, Env: s.Env}).TakesPort() {
				return nil, c.Unsupported("the server's command has no {port}: nobody can give it one that is taken")
			}
			return []scenario.Variant{acting(c, scenario.Variant{Act: startTaken})}, nil
		},
	}
}

// startTaken starts the server on a port on which the harness listens.
func startTaken(ctx context.Context, rig scenario.Rig) error {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	holder, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer holder.Close()
	taken, err := netip.ParseAddrPort(holder.Addr().String())
	if err != nil {
		return err
	}
	found, err := rig.StartBeside(ctx, taken)
	if err != nil {
		return err
	}
	rig.Struck(fmt.Sprintf("started on %s, on which the harness listens", taken))
	switch {
	case found.Exit == nil && len(found.Listens) > 0:
		return nil // it took another one, and serves there
	case found.Exit == nil:
		return fmt.Errorf("its port is taken, and the server runs without serving: %s%s", found.Waits, lastLine(found.Stderr))
	case found.Exit.Success():
		return fmt.Errorf("its port is taken, and the server exited with status 0, which says that all is well%s", lastLine(found.Stderr))
	}
	return nil
}

// lastLine quotes the last line that a process wrote to its standard error.
func lastLine(stderr []byte) string {
	lines := bytes.Split(bytes.TrimSpace(stderr), []byte("\n"))
	if last := lines[len(lines)-1]; len(last) > 0 {
		return fmt.Sprintf("; it said: %q", last)
	}
	return ""
}
