package liveness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// bursts are how many clients come at once. Five in the queue were "the normal
// maximum" of the manuals for a long time, and still are what some libraries ask
// for.
var bursts = []struct {
	clients int
	level   outcome.Level
}{{5, outcome.Must}, {50, outcome.Should}}

func fullBacklog() scenario.Scenario {
	return scenario.Scenario{
		ID:    "liveness/backlog",
		Title: "Clients that connect together while the server is busy are all accepted and served",
		Rationale: "While a server does not call accept, new clients wait in the kernel's accept queue. If the queue is full, " +
			"a client gets no answer and retries after 1 s, then after 3 s. With listen(1) every burst of clients is " +
			"an outage.",
		Ref:   "listen(2); tcp(7) tcp_abort_on_overflow; Socket Programming HOWTO; catalogue: backlog-too-small",
		Level: outcome.Must,
		Roles: scenario.ServerRole(),
		Variants: func(c scenario.Case) ([]scenario.Variant, error) {
			if err := requireDialogue(c); err != nil {
				return nil, err
			}
			paused := len(c.Target.Server.Command) > 0
			var out []scenario.Variant
			for _, burst := range bursts {
				v := scenario.ActVariant(fmt.Sprintf("clients=%d", burst.clients), 2*c.Budget, func(ctx context.Context, rig scenario.Rig) error {
					return comeAtOnce(ctx, rig, burst.clients, paused)
				})
				v.Level = burst.level
				out = append(out, v)
			}
			return out, nil
		},
	}
}

// comeAtOnce connects n clients before the server can accept one, and lets all of
// them ask.
func comeAtOnce(ctx context.Context, rig scenario.Rig, n int, paused bool) error {
	if paused {
		if err := rig.PauseServer(ctx); err != nil {
			return err
		}
		defer rig.ResumeServer()
	}
	var all crowd
	defer func() { all.closeAll() }()
	err := all.queueClients(ctx, rig, n)
	rig.ReportStruck(fmt.Sprintf("%s connected while the server could not accept", plural.Count(len(all), "client")))
	if err != nil {
		return fmt.Errorf("client %d of %d could not connect: %w", len(all)+1, n, err)
	}
	if paused {
		if err := rig.ResumeServer(); err != nil {
			return err
		}
	}
	if err := rig.FirstExchanges(ctx, all...); err != nil {
		return fmt.Errorf("not all clients that connected together were served: %w", err)
	}
	return nil
}

// errFull says that the kernel leaves a connect without an answer.
var errFull = errors.New("the accept queue is full")

// queueFull reports whether the rest of a crowd finds no room in the server's queue: clients
// that come after them will not either.
func queueFull(err error, all crowd) bool { return errors.Is(err, errFull) && len(all) > 0 }

// dropped is how long a connect to this host that is not answered goes on until
// a full queue is to blame: one that is answered takes some 50 µs.
const dropped = 50 * time.Millisecond

// queueClients connects n more clients, to a server that may be paused, until the queue
// of connections to accept is full.
func (c *crowd) queueClients(ctx context.Context, rig scenario.Rig, n int) error {
	for range n {
		conn, err := dialUnlessFull(ctx, rig)
		if err != nil {
			return err
		}
		*c = append(*c, conn)
	}
	return nil
}

func dialUnlessFull(ctx context.Context, rig scenario.Rig) (sock.Conn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	defer func() { cancel(nil); <-done }()
	go func() {
		defer close(done)
		for sleep.For(ctx, dropped) {
			if full := fullQueue(rig); full != nil {
				cancel(full)
			}
		}
	}()
	conn, err := rig.DialServer(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errFull) {
		err = context.Cause(ctx)
	}
	return conn, err
}

// fullQueue returns an error that wraps errFull if a listener of the server lets
// nobody in.
func fullQueue(rig scenario.KernelRig) error {
	listeners, err := rig.ServerListeners()
	if err != nil {
		return nil
	}
	for _, l := range listeners {
		if l.QueueFull() {
			return fmt.Errorf("%w: %s wait to be accepted, the server called listen with %d, and the kernel answers no more connects", errFull, plural.Count(l.Queued, "connection"), l.Backlog)
		}
	}
	return nil
}
