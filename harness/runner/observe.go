package runner

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
	"github.com/sockharness/harness/toxics"
)

// A stage is the set of one variant: a proxy with its faults, the dialogue
// server behind it if the target's server is a dialogue, and the log.
type stage struct {
	play   *play
	kase   scenario.Case
	log    *event.Log
	proxy  *proxy.Proxy
	server *dialogueServer

	starved atomic.Int64 // nanoseconds for which a peer or we were ready and got no processor
}

// observe plays the variant and returns all that is known afterwards. An error
// means that the harness could not play it.
func (p *play) observe(ctx context.Context, c scenario.Case, v scenario.Variant) (scenario.Observation, error) {
	if err := p.bench.ready(ctx); err != nil {
		return scenario.Observation{}, err
	}
	staff := p.staff(ctx)
	s, err := p.setUp(ctx, c, v)
	if err != nil {
		return scenario.Observation{}, err
	}
	defer s.close()
	start := time.Now()
	o := scenario.Observation{Case: c, Faults: v.Faults, Gate: v.Gate, NoEnd: v.NoEnd, Acted: v.Act != nil}
	if v.Act != nil {
		limited, stop := s.wait(c.Budget+v.Budget, v, p.bench.tree, p.bench.near).only().begin(ctx)
		o.ActError = v.Act(limited, &act{stage: s})
		stop()
	} else if err := s.converse(ctx, v, &o); err != nil {
		return o, err
	}
	o.Starved = time.Duration(s.starved.Load())
	o.Elapsed = time.Since(start)
	s.close()
	o.Events = s.log.Events()
	o.Connections = connections(o.Events)
	p.aftermath(ctx, c, &o)
	if !p.bench.ended() {
		o.Lost = p.bereaved(ctx, staff, o)
	}
	return o, ctx.Err()
}

// aftermath looks at the server under test once the variant is over.
func (p *play) aftermath(ctx context.Context, c scenario.Case, o *scenario.Observation) {
	if c.Role != scenario.Server || p.bench.target.Server.Dialogue != nil {
		return
	}
	if p.bench.ended() {
		p.bench.discard()
		return
	}
	process, address := p.bench.process()
	if process != nil {
		o.ServerStderr = process.Stderr().Tail()
	}
	if p.bench.script != nil && ctx.Err() == nil && c.Target.Asks("serves") && !(o.Hung() && p.bench.hopeless(p.scenario)) {
		fresh, stop := wait{budget: c.Budget, pids: p.bench.tree}.begin(ctx)
		defer stop()
		o.Fresh = greet(fresh, address, p.bench.script)
	}
	if process != nil {
		if exit, over := lastWords(ctx, process, o.Fresh); over {
			o.Crash = &exit
		}
	}
}

// dying is how long a process that does not serve any more may take to end.
const dying = 200 * time.Millisecond

// lastWords tells how the process ended. One that does not serve may be about to.
func lastWords(ctx context.Context, process *peer.Process, fresh error) (peer.Exit, bool) {
	if fresh != nil {
		limit, cancel := context.WithTimeout(ctx, dying)
		defer cancel()
		select {
		case <-process.Exited():
		case <-limit.Done():
		}
	}
	return over(process)
}

// over tells how the server ended, and whether it has. One that went into the
// background has not as long as anything that it left there runs.
func over(process *peer.Process) (peer.Exit, bool) {
	exit, ended := process.Exit()
	return exit, ended && !(exit.Success() && len(process.Tree()) > 0)
}

// greet holds the first exchange of the script with the server, without a proxy.
func greet(ctx context.Context, address string, script *dialogue.Script) error {
	conn, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close()
	first := scenario.First(script, 1)
	played := first.PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
	if played.Mismatch != nil {
		return played.Mismatch
	}
	if played.Steps < len(first.Steps) {
		return fmt.Errorf("no answer: %s", ending(played.Ending))
	}
	return nil
}

func dial(ctx context.Context, address string) (sock.Conn, error) {
	return dialBy(ctx, &net.Dialer{}, address)
}

// dialBy is dial with options. The error wraps the cause of the context when that has
// ended.
func dialBy(ctx context.Context, d *net.Dialer, address string) (sock.Conn, error) {
	d.SetMultipathTCP(false)
	conn, err := d.DialContext(ctx, "tcp", address)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("connect to %s: %w", address, context.Cause(ctx))
	case err != nil:
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

func (p *play) setUp(ctx context.Context, c scenario.Case, v scenario.Variant) (*stage, error) {
	s := &stage{play: p, kase: c, log: event.NewLog(0)}
	_, upstream := p.bench.process()
	if p.bench.target.Server.Dialogue != nil {
		server, err := serveDialogue(ctx, c.Conversation.Script)
		if err != nil {
			return nil, err
		}
		s.server, upstream = server, server.addr()
	}
	config := proxy.Config{Name: p.name(v), Network: "tcp", Listen: "127.0.0.1:0", Upstream: upstream,
		Seed: p.bench.seed.Split(p.scenario.ID).Split(v.Name), Events: s.log.Add, Mode: modes[v.Gate],
		UpstreamDown: proxy.DownReset}
	if err := addFaults(&config, v.Faults); err != nil {
		s.close()
		return nil, err
	}
	var err error
	if s.proxy, err = proxy.New(config); err == nil {
		err = s.proxy.Start(ctx)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

var modes = map[scenario.Gate]proxy.Mode{
	scenario.Accepting:  proxy.Accept,
	scenario.Refusing:   proxy.Refuse,
	scenario.BlackHoled: proxy.BlackHole,
}

// addFaults makes the toxics of the variant and hands their socket options to
// the side of the proxy that receives in the toxic's direction.
func addFaults(c *proxy.Config, faults []toxics.Spec) error {
	for _, spec := range faults {
		made, err := toxics.Make(spec)
		if err != nil {
			return err
		}
		c.Toxics = append(c.Toxics, proxy.Faults(made)...)
		if made.Window == (wire.Window{}) {
			continue
		}
		if made.Direction == event.Upstream {
			c.OnListen = made.Window
		} else {
			c.OnDial = made.Window
		}
	}
	return nil
}

// converse lets the client peer hold the conversation through the proxy.
func (s *stage) converse(ctx context.Context, v scenario.Variant, o *scenario.Observation) error {
	stop := s.openLater(ctx, v)
	defer stop()
	if s.play.bench.target.Client.Dialogue == nil {
		return s.runClient(ctx, v, o)
	}
	budget, release := s.wait(s.kase.Budget+v.Budget, v, s.play.bench.tree, s.play.bench.near).begin(ctx)
	defer release()
	conn, err := dial(budget, s.proxy.Addr().String())
	if err != nil {
		// The proxy resets a client whose server it cannot reach, at times before
		// connect returns. What became of the server is seen afterwards.
		o.Played = &dialogue.Played{Ending: event.Reset, ReadEnding: event.Reset, Incomplete: err.Error()}
		return nil
	}
	defer conn.Close()
	meanwhile := s.bystand(ctx, v)
	played := s.kase.Conversation.Script.PlayClient(budget, conn, dialogue.Options{Pipelined: v.Pipelined, NoEnd: v.NoEnd})
	o.Played = &played
	o.Spins, o.Stuck = verdict(context.Cause(budget))
	conn.Close()
	o.Others = meanwhile()
	return nil
}

// wait is for the peers while the variant is played.
func (s *stage) wait(budget time.Duration, v scenario.Variant, pids, near func() []int) wait {
	w := wait{budget: budget, pids: pids, near: near, moved: s.log.Len, prover: s.play.runner.prover,
		starved: func(d time.Duration) { s.starved.Add(int64(d)) }, spinning: s.play.spinning()}
	if i := newIdleness(s.log, v, s.play.bench.target); i != nil {
		w.idle, w.deaf = i.idle, slices.ContainsFunc(v.Faults, endless)
	}
	return w
}

// openLater opens a gate that the variant holds shut for a time.
func (s *stage) openLater(ctx context.Context, v scenario.Variant) (stop func()) {
	if v.Gate == scenario.Accepting || v.OpenAfter <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if sleep(ctx, v.OpenAfter) {
			s.proxy.SetMode(proxy.Accept)
		}
	}()
	return func() { cancel(); <-done }
}

// runClient starts the client program and waits for it to end by itself, within
// the case's patience.
func (s *stage) runClient(ctx context.Context, v scenario.Variant, o *scenario.Observation) error {
	b := s.play.bench
	process, err := b.startClient(ctx, s.proxy.Addr(), s.play.scenario.ID)
	if err != nil {
		return err
	}
	defer process.Close()
	both := func() []int { return append(process.Tree(), b.tree()...) }
	near := func() []int { return append(process.Near(), b.near()...) }
	run, err := await(ctx, process, s.wait(s.kase.Patience()+v.Budget, v, both, near))
	o.Client = run
	return err
}

// await waits for a client process and collects what it left.
func await(ctx context.Context, process *peer.Process, w wait) (*scenario.Run, error) {
	start := time.Now()
	limit, stop := w.begin(ctx)
	defer stop()
	run := &scenario.Run{}
	exit, err := process.Wait(limit)
	run.Elapsed = time.Since(start)
	if err != nil {
		if ctx.Err() != nil {
			return run, ctx.Err()
		}
		run.HungUp = true
		run.Spins, run.Stuck = verdict(context.Cause(limit))
		process.Kill()
	}
	run.Exit = exit
	run.Stderr = process.Stderr().Tail()
	run.Stdout, err = output(process)
	return run, err
}

func (s *stage) close() {
	if s.proxy != nil {
		s.proxy.Close()
	}
	if s.server != nil {
		s.server.close()
	}
}

func connections(events []event.Event) int {
	n := 0
	for _, e := range events {
		if e.Kind == event.Accept {
			n++
		}
	}
	return n
}
