package runner

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/capture"
	"github.com/sockharness/harness/harness/datagram"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/proxy"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/toxics"
	"github.com/sockharness/harness/toxics/spec"
)

// A variantSetup is the set of one variant: a proxy with its faults, the dialogue
// server behind it if the target's server is a dialogue, and the log.
type variantSetup struct {
	run   *scenarioRun
	tc    scenario.Case
	log   *event.Log
	proxy *proxy.Proxy // nil over UDP
	// recording is of what passes the proxy; nil: nothing is recorded
	recording    *capture.Recording
	server       *dialogueServer
	neverAnswers bool // see [scenario.Variant]
	wire         bool // the same

	datagrams *datagram.Proxy // over UDP
	responder *datagramServer // behind it, if the target's server is a dialogue
	lost      chan struct{}   // one element for each datagram of which a fault makes a client send it again

	// listener is of an act that plays the server; nil for others
	listener acceptor

	data     *dataConnections // nil: the conversation has none
	dataOnly bool             // the case is that of a data connection of the conversation
	aside    atomic.Int64     // events of the connections that the faults are not for

	cpuWait atomic.Int64 // nanoseconds for which a peer or we were ready and got no processor
}

// observeVariant plays the variant and returns all that is known afterwards. An error
// means that the harness could not play it. The recording is nil unless it is wanted.
func (p *scenarioRun) observeVariant(ctx context.Context, c scenario.Case, v scenario.Variant) (scenario.Observation, *capture.Recording, error) {
	if err := p.testbed.ensureReady(ctx); err != nil {
		return scenario.Observation{}, nil, err
	}
	p.testbed.awaitSocketsClosed(ctx)
	workers := p.currentWorkers(ctx)
	s, err := p.setUp(ctx, c, v)
	if err != nil {
		return scenario.Observation{}, nil, err
	}
	defer s.closeAll()
	start, mark := time.Now(), p.stderrMark()
	o := scenario.Observation{Case: c, Faults: v.Faults, AcceptMode: v.AcceptMode, NoEnd: v.NoEnd, Ran: v.Run != nil}
	if v.Run != nil {
		budget := c.Budget + v.Budget
		if c.Role == scenario.Client {
			budget += mostRetryWaits * p.retryLimit()
		}
		limited, stop := s.newWait(budget, v, p.testbed.processTree, p.testbed.approxTree).WithoutProof().Start(ctx)
		o.RunError = v.Run(limited, &rig{setup: s, limit: limited})
		o.StuckIn = await.StuckIn(o.RunError)
		stop()
	} else if err := s.runConversation(ctx, v, &o); err != nil {
		return o, s.recording, err
	}
	o.PastProxy = s.countPastProxy(v, start)
	o.Starved = time.Duration(s.cpuWait.Load())
	o.Elapsed = time.Since(start)
	s.closeAll()
	o.Events = s.log.AllEvents()
	o.Connections = countConnections(o.Events)
	p.checkServerAfter(ctx, c, mark, &o)
	if !p.testbed.wasTerminated() {
		o.DeadWorker = p.deadWorker(ctx, workers, o)
	}
	if err := ownLimit(o); err != nil {
		return o, s.recording, err
	}
	return o, s.recording, ctx.Err()
}

// checkServerAfter looks at the server under test once the variant is over. What it wrote is
// read last: one that is about to end has not written its reason yet.
func (p *scenarioRun) checkServerAfter(ctx context.Context, c scenario.Case, mark stderrMark, o *scenario.Observation) {
	if c.Role != scenario.Server || p.testbed.target.Server.Dialogue != nil {
		return
	}
	process, address := p.testbed.serverProcess()
	defer func() { keepStderr(process, mark, o) }()
	if p.testbed.wasTerminated() {
		p.testbed.discardServer()
		return
	}
	if p.testbed.script != nil && ctx.Err() == nil && c.Target.OracleEnabled("serves") && !(o.PeerHung() && p.testbed.knownHanging(p.scenario)) {
		fresh, stop := await.Wait{Budget: c.Budget, PIDs: p.testbed.processTree}.Start(ctx)
		defer stop()
		p.testbed.awaitSocketsClosed(fresh)
		o.AfterErr = p.testbed.firstExchange(fresh, address, p.testbed.script)
		if p.testbed.state() == scenario.StateProcess {
			o.AfterErr = p.testbed.acceptMismatch(o.AfterErr)
		}
	}
	if process != nil {
		if exit, over := awaitExit(ctx, process, o.AfterErr); over {
			o.Crash = &exit
		}
	}
}

// exitTimeout is how long a process that does not serve any more may take to end.
const exitTimeout = 200 * time.Millisecond

// awaitExit tells how the process ended. One that does not serve may be about to.
func awaitExit(ctx context.Context, process *peer.Process, fresh error) (peer.Exit, bool) {
	if fresh != nil {
		limit, cancel := context.WithTimeout(ctx, exitTimeout)
		defer cancel()
		select {
		case <-process.ExitedChan():
		case <-limit.Done():
		}
	}
	return exitedServer(process)
}

// exitedServer tells how the server ended, and whether it has. One that went into the
// background has not as long as anything that it left there runs.
func exitedServer(process *peer.Process) (peer.Exit, bool) {
	exit, ended := process.ExitStatus()
	return exit, ended && !(exit.Success() && len(process.ProcessTree()) > 0)
}

// firstExchange holds the first exchange of the script with the server, without a proxy.
func (b *testbed) firstExchange(ctx context.Context, address string, script *dialogue.Script) error {
	conn, err := b.secure(b.dialTarget(ctx, address))
	if err != nil {
		return err
	}
	defer conn.Close()
	first := scenario.FirstExchanges(script, 1)
	played := first.PlayClient(ctx, conn, dialogue.Options{NoEnd: true})
	if played.Mismatch != nil {
		return played.Mismatch
	}
	if played.Steps < len(first.Steps) {
		return &noAnswerError{played.Ending}
	}
	return nil
}

// A noAnswerError is how a stream ended on which an answer was to come.
type noAnswerError struct{ ending event.Ending }

func (e *noAnswerError) Error() string { return "no answer: " + e.ending.Text() }

// Is reports whether it was given up for time.
func (e *noAnswerError) Is(target error) bool {
	return target == context.DeadlineExceeded && e.ending == event.Timeout
}

func (p *scenarioRun) setUp(ctx context.Context, c scenario.Case, v scenario.Variant) (*variantSetup, error) {
	if p.testbed.transport() == scenario.UDP {
		return p.setUpDatagrams(ctx, c, v)
	}
	s := &variantSetup{run: p, tc: c, log: event.NewLog(0), neverAnswers: v.NeverAnswers, wire: v.Wire, dataOnly: v.Data > 0}
	_, upstream := p.testbed.serverProcess()
	switch {
	case v.Listen:
		listener, err := p.runner.book.listen(ctx, p.testbed.transport())
		if err != nil {
			return nil, err
		}
		s.listener, upstream = listener, listenerAddress(listener)
	case p.testbed.target.Server.Dialogue != nil:
		s.openDataConnections(v, "")
		server, err := serveDialogue(ctx, s.script(), p.runner.book, p.testbed.transport(), s.data)
		if err != nil {
			return nil, err
		}
		s.server, upstream = server, server.listenAddr()
	}
	listen, err := p.testbed.listenAddress()
	if err != nil {
		s.closeAll()
		return nil, err
	}
	s.openDataConnections(v, upstream)
	config, err := s.proxyConfig(v, v.Data == 0)
	if err != nil {
		s.closeAll()
		return nil, err
	}
	config.Listen, config.Upstream = listen, upstream
	if !v.Wire {
		config.TLS = p.testbed.proxyTLS(v.Listen, v.Run != nil && c.Role == scenario.Server)
	}
	if s.proxy, err = proxy.New(config); err == nil {
		err = s.proxy.Start(ctx)
	}
	if err != nil {
		s.closeAll()
		return nil, err
	}
	return s, nil
}

// proxyConfig is that of a proxy of the variant, but for its addresses. The one that strikes
// has the faults, and what happens there is logged.
func (s *variantSetup) proxyConfig(v scenario.Variant, strikes bool) (proxy.Config, error) {
	p := s.run
	config := proxy.Config{Name: p.proxyName(v), Seed: p.testbed.seed.SplitBy(p.scenario.ID).SplitBy(v.Name), Events: s.addAside,
		UpstreamDown: proxy.FailReset, Drain: -1, Shared: p.runner.proxies}
	if slow := p.testbed.slowStart(); slow > 0 {
		config.Patience.Boundary, config.Patience.Consume = boundaryTimeout+slow, boundaryTimeout+slow
	}
	if !strikes {
		return config, nil
	}
	config.Events, config.Mode = s.addEvent, acceptModes[v.AcceptMode]
	s.record(&config)
	return config, addFaults(&config, slices.Concat(v.Faults, v.Profile))
}

// openDataConnections lets the conversation of the variant open its data connections, once.
func (s *variantSetup) openDataConnections(v scenario.Variant, server string) {
	if s.data == nil && v.Run == nil {
		s.data = newDataConnections(s.script(), server, func(n int) (proxy.Config, error) { return s.proxyConfig(v, n == v.Data-1) })
	}
}

// script is what the variant plays.
func (s *variantSetup) script() *dialogue.Script {
	if s.dataOnly {
		return s.run.tc.Conversation.Script
	}
	return s.tc.Conversation.Script
}

var acceptModes = map[scenario.AcceptMode]proxy.Mode{
	scenario.Accepting:  proxy.Accept,
	scenario.Refusing:   proxy.Refuse,
	scenario.BlackHoled: proxy.BlackHole,
}

// addFaults makes the toxics of the variant.
func addFaults(c *proxy.Config, faults []spec.Spec) error {
	for _, spec := range faults {
		made, err := toxics.MakeToxic(spec)
		if err != nil {
			return err
		}
		c.Toxics = append(c.Toxics, proxy.FromToxic(made)...)
	}
	return nil
}

// mostRetryWaits is how many waits of an act a client may extend by trying again.
const mostRetryWaits = 2

// runConversation lets the client peer hold the conversation through the proxy.
func (s *variantSetup) runConversation(ctx context.Context, v scenario.Variant, o *scenario.Observation) error {
	stop := s.openLater(ctx, v)
	defer stop()
	if s.run.testbed.target.Client.Dialogue == nil {
		return s.runClient(ctx, v, o)
	}
	if s.datagrams != nil {
		return s.playDatagrams(ctx, v, o)
	}
	budget, release := s.newWait(s.tc.Budget+v.Budget, v, s.run.testbed.processTree, s.run.testbed.approxTree).Start(ctx)
	defer release()
	conn, err := dial(budget, s.proxyAddress())
	if err != nil {
		// The proxy resets a client whose server it cannot reach, at times before
		// connect returns. What became of the server is seen afterwards.
		o.Played = &dialogue.Played{Ending: event.Reset, ReadEnding: event.Reset, Incomplete: err.Error()}
		return nil
	}
	defer conn.Close()
	meanwhile := s.startOtherClient(ctx, v)
	played := s.script().PlayClient(budget, conn, s.data.addTo(dialogue.Options{Pipelined: v.Pipelined, NoEnd: v.NoEnd}))
	if v.Data > 0 {
		noteData(o, v, played)
	} else {
		o.Played = &played
		o.Shifted = played.RequestsShifted(s.tc.Conversation.Upstream.ExchangeEnds)
	}
	o.Spins, o.Stuck = await.Explain(context.Cause(budget))
	o.StuckIn = await.StuckIn(context.Cause(budget))
	conn.Close()
	o.OtherClientErr = meanwhile()
	return nil
}

// newWait is for the peers while the variant is played.
func (s *variantSetup) newWait(budget time.Duration, v scenario.Variant, pids, near func() []int) await.Wait {
	w := await.Wait{Budget: budget, PIDs: pids, ApproxPIDs: near, Services: s.run.testbed.servicesTree, Moved: s.progressCount, ProofSlot: s.run.runner.proofSlot,
		OnCPUWait: func(d time.Duration) { s.cpuWait.Add(int64(d)) }, SpinAfter: s.run.spinThreshold(), Work: s.run.tc.Conversation.CPU}
	if i := newIdleDetector(s.log, v, s.run.testbed.target); i != nil {
		i.aside = s.aside.Load
		if i.after == quietPeriodHeld {
			i.after += s.run.testbed.slowStart()
		}
		w.Idle, w.NeverReads = i.isQuiet, slices.ContainsFunc(v.Faults, leavesUnread)
	}
	return w
}

// openLater opens a gate that the variant holds shut for a time.
func (s *variantSetup) openLater(ctx context.Context, v scenario.Variant) (stop func()) {
	if v.AcceptMode == scenario.Accepting || v.AcceptAfter <= 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if sleep.For(ctx, v.AcceptAfter) {
			_ = (&rig{setup: s}).SetAcceptMode(scenario.Accepting)
		}
	}()
	return func() { cancel(); <-done }
}

// runClient starts the client program and waits for it to end by itself, within
// the case's patience.
func (s *variantSetup) runClient(ctx context.Context, v scenario.Variant, o *scenario.Observation) error {
	b := s.run.testbed
	connects := watchConnects(s, v.AcceptMode != scenario.Accepting)
	defer connects.stop()
	process, fault, err := s.startVariantClient(ctx, v)
	if errors.Is(err, scenario.ErrUnsupported) {
		o.RunError = err
		return nil
	}
	if err != nil {
		return err
	}
	defer process.Close()
	both := func() []int { return append(process.ProcessTree(), b.processTree()...) }
	near := func() []int { return append(process.ApproxTree(), b.approxTree()...) }
	w := s.newWait(s.tc.GiveUpTimeout()+v.Budget, v, both, near)
	w.MoreTime = retryWait{connects.attempts, connects.start, s.run.retryLimit()}.moreTime
	if v.AcceptMode != scenario.Accepting && s.datagrams == nil { // who is let in may have many connections to make
		w.EndEarly = endOnStorm(func() bool { return connects.attempts().Storms() })
	}
	run, err := awaitClient(ctx, process, w)
	s.run.noteRetries(run.Elapsed, run.TimedOut)
	o.Client, o.StuckIn, o.Attempts = run, run.StuckIn, connects.attempts()
	if fault != nil {
		o.RunError = fault.missedReason()
	}
	o.Shifted = v.Data == 0 && s.server.requestsShifted(s.tc.Conversation.Upstream.ExchangeEnds)
	return err
}

// awaitClient waits for a client process and collects what it left.
func awaitClient(ctx context.Context, process *peer.Process, w await.Wait) (*scenario.Run, error) {
	start := time.Now()
	limit, stop := w.Start(ctx)
	defer stop()
	run := &scenario.Run{}
	exit, err := process.WaitExit(limit)
	run.Elapsed = time.Since(start)
	if err != nil {
		if ctx.Err() != nil {
			return run, ctx.Err()
		}
		run.TimedOut = true
		run.Spins, run.Stuck = await.Explain(context.Cause(limit))
		run.Storms = errors.Is(context.Cause(limit), scenario.ErrStorms)
		run.StuckIn = await.StuckIn(context.Cause(limit))
		process.KillTree()
	}
	run.Exit = exit
	run.Stderr = process.Stderr().TailBytes()
	run.Stdout, err = readOutput(process.Stdout())
	return run, err
}

func (s *variantSetup) closeAll() {
	if s.proxy != nil {
		s.proxy.Close()
	}
	if s.datagrams != nil {
		s.datagrams.Close()
	}
	if s.responder != nil {
		s.responder.closeAll()
	}
	if s.server != nil {
		s.server.closeAll()
	}
	s.data.closeAll()
	if s.listener != nil {
		s.listener.Close()
	}
}

func countConnections(events []event.Event) int {
	n := 0
	for _, e := range events {
		if e.Kind == event.Accept {
			n++
		}
	}
	return n
}
