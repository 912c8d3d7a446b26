package explore

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/dialogue"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/plural"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/rig"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
	"github.com/sockharness/harness/harness/sock"
)

// A clientSubject is a client under test: a process for each point, to which the harness
// is the server.
type clientSubject struct {
	options  Options
	script   *dialogue.Script
	layout   *layout
	diag     *sock.Diag
	launcher *launcher

	base   clientRun // without a fault
	output scenario.OutputMatch
	quick  time.Duration
	slow   time.Duration
	heal   time.Duration
	masks  []string
	unread int  // points in a row at which it did not read, alone and with time enough
	every  bool // the fault strikes on every connection, not only on the first
}

// A playedServer is the harness as the server of one client process.
type playedServer interface {
	// address is where the client connects.
	address() string
	// isIdle reports whether nothing is under way from our side.
	isIdle() bool
	// hasStruck reports whether the fault has.
	hasStruck() bool
	// close ends all, and waits.
	close()
	// report tells what was seen, after close.
	report(run *clientRun)
}

// A clientRun is one run of a client under test.
type clientRun struct {
	exit      peer.Exit
	stdout    []byte
	stderr    []byte
	late      bool // it had not ended when its time was over, and was killed
	stuck     string
	stuckIn   string
	spins     string
	accepted  int
	datagrams int           // that came, over UDP
	cpu       time.Duration // that it had used when its time was over
	upstream  []byte
	complete  bool
	wrong     string
	handshake string // why that of TLS has failed
	reached   bool
	unread    bool // it had not read in time what came before the fault
	took      time.Duration
	err       error
	log       []moment
}

// The times that a client may take.
const (
	leastClientQuick = 300 * time.Millisecond
	slowClient       = 3 * time.Second
	clientLanes      = 3
	clientHeal       = 300 * time.Millisecond
	mostOutput       = 8 << 20
)

func newClientSubject(o Options) (*clientSubject, error) {
	s := &clientSubject{options: o}
	d, err := o.Target.ParseDialogue()
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, fmt.Errorf("%w: no server speaks to the client: give the target a dialogue", ErrUnusable)
	}
	if err := d.PlayableAs(event.Server); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	if s.script, err = o.resolveScript(d); err != nil {
		return nil, err
	}
	if s.diag, err = sock.OpenDiag(); err != nil {
		s.diag = nil
	}
	if s.launcher, err = newLauncher(o); err == nil {
		s.script = s.launcher.secureData(s.script)
	}
	return s, err
}

func (s *clientSubject) close() {
	s.launcher.close()
	if s.diag != nil {
		s.diag.Close()
	}
}

// lanes implements subject: clients that wait for nothing cost nothing.
func (s *clientSubject) lanes(slow bool) int {
	if slow {
		return 4 * clientLanes
	}
	return clientLanes
}

func (s *clientSubject) chunk() int                    { return clientChunk }
func (s *clientSubject) unstable() []string            { return s.masks }
func (s *clientSubject) settle(context.Context) string { return "" }

// clientChunk is how many clients are started before what they did is judged.
const clientChunk = 24

// calibrate implements subject: twice alone, then side by side.
func (s *clientSubject) calibrate(ctx context.Context) (*layout, error) {
	s.slow = slowClient
	if t := s.options.Target.Policies.AnswerTimeout; t > 0 {
		s.slow += t
	}
	s.quick, s.heal = s.slow, clientHeal
	if t := s.options.Target.Policies.AnswerTimeout; t > 0 {
		s.heal = min(s.heal, t/4)
	}
	first, err := s.controlOrFail(ctx, "")
	if err != nil {
		return nil, err
	}
	second, err := s.controlOrFail(ctx, " the second time")
	if err != nil {
		return nil, err
	}
	s.base = first
	s.output = scenario.CompareOutputs(first.stdout, second.stdout)
	if note := s.output.ComparisonNote(); note != "" {
		at := dialogue.CommonPrefix(first.stdout, second.stdout)
		s.masks = append(s.masks, fmt.Sprintf("%s (first at byte %d: %s, then %s)", note, at, quoteStart(first.stdout[at:]), quoteStart(second.stdout[at:])))
	}
	s.layout = newLayout(s.script.WithRequests(first.upstream), s.options.Target, scenario.Client, nil, nil, 0)
	if s.options.Target.Transport() == scenario.UDP {
		s.layout = newDatagramLayout(s.script, s.options.Target, scenario.Client, nil)
	}
	s.layout.connections = min(first.accepted, second.accepted)
	s.quick = max(leastClientQuick, 6*max(first.took, second.took))
	s.slow = max(s.slow, 4*first.took)
	return s.layout, nil
}

// controlTime is how long a client may take without any fault.
const controlTime = 30 * time.Second

func (s *clientSubject) controlOrFail(ctx context.Context, when string) (clientRun, error) {
	run := s.run(ctx, nil, max(s.slow, controlTime), false, false)
	switch {
	case ctx.Err() != nil:
		return run, ctx.Err()
	case run.err != nil:
		return run, fmt.Errorf("%w: %w", ErrUnusable, run.err)
	case run.late:
		return run, fmt.Errorf("%w: the client had not ended after %v without any fault%s", ErrUnusable, max(s.slow, controlTime), when)
	case run.handshake != "":
		return run, fmt.Errorf("%w: the client fails%s: %s; it ended with %s%s", ErrUnusable, when, run.handshake, run.exit, lastWords(run.stderr))
	case run.wrong != "":
		return run, fmt.Errorf("%w: the client says something else than the dialogue%s: %s", ErrUnusable, when, run.wrong)
	case run.accepted == 0 && s.options.Target.Transport() == scenario.UDP:
		return run, fmt.Errorf("%w: the client has sent no datagram%s; its command must take %s; it ended with %s%s", ErrUnusable, when, s.addressWords(), run.exit, lastWords(run.stderr))
	case run.accepted == 0:
		return run, fmt.Errorf("%w: the client has not connected%s; its command must take %s; it ended with %s%s", ErrUnusable, when, s.addressWords(), run.exit, lastWords(run.stderr))
	case run.exit.Code != 0:
		return run, fmt.Errorf("%w: the client fails without any fault%s: %s%s", ErrUnusable, when, run.exit, lastWords(run.stderr))
	case !run.complete:
		return run, fmt.Errorf("%w: the client ends before the dialogue does%s: it sent %s", ErrUnusable, when, quoteStart(run.upstream))
	}
	return run, nil
}

// addressWords are what the command of a client must have one of.
func (s *clientSubject) addressWords() string {
	if s.options.Target.Transport() == scenario.Unix {
		return "{path}, or {addr}"
	}
	return "{host} and {port}, or {addr}"
}

func lastWords(stderr []byte) string {
	if line := lastLine(stderr); line != "" {
		return "; it wrote: " + line
	}
	return ""
}

// run starts the client and plays the server to it, with the fault of a point in it.
func (s *clientSubject) run(ctx context.Context, p *Point, limit time.Duration, prove, logs bool) (run clientRun) {
	patience := consumeWait
	if prove {
		patience = limit / 2
	}
	l, err := s.listen(ctx, p, logs, patience)
	if err != nil {
		return clientRun{err: err}
	}
	defer func() {
		l.close()
		l.report(&run)
	}()
	process, err := s.launcher.startClient(ctx, l.address())
	if err != nil {
		return clientRun{err: err}
	}
	defer process.Close()
	began := time.Now()
	s.awaitExit(ctx, process, l, limit, prove, &run)
	run.took = time.Since(began)
	if run.late {
		process.KillTree()
	}
	run.stderr = process.Stderr().TailBytes()
	if out, err := process.Stdout().OpenReader(); err == nil {
		run.stdout, _ = io.ReadAll(io.LimitReader(out, mostOutput))
	}
	return run
}

// listen starts the harness as the server, which gives the client patience to read what comes
// before a fault.
func (s *clientSubject) listen(ctx context.Context, p *Point, logs bool, patience time.Duration) (playedServer, error) {
	if s.options.Target.Transport() == scenario.UDP {
		return startDatagramListener(ctx, s, p, logs)
	}
	return startListener(ctx, s, p, logs, patience)
}

// busyStretch is how many times its limit a client is waited for that is busy at its end: on a
// busy machine it takes longer to use the processor time that tells a spin from work.
const busyStretch = 4

// awaitExit waits for the end of the client, and in vain no longer than needed: one that
// is proven to wait forever, or that only burns a processor, is given up.
func (s *clientSubject) awaitExit(ctx context.Context, process *peer.Process, l playedServer, limit time.Duration, prove bool, run *clientRun) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	explained := make(chan struct{})
	go func() {
		defer close(explained)
		if prove {
			run.stuck, run.stuckIn, run.spins = explainClient(ctx, process, l, s.launcher.programs, s.base.exit.CPU)
			if run.stuck+run.spins != "" {
				cancel()
			}
		}
	}()
	exit, err := waitExit(ctx, process, limit)
	if err != nil && prove && isBusy(ctx, process) {
		exit, err = waitExit(ctx, process, (busyStretch-1)*limit)
	}
	cancel()
	<-explained
	run.exit, run.late = exit, err != nil
	if run.late {
		run.cpu = cpuOf(process)
	}
	if err == nil {
		run.stuck, run.stuckIn, run.spins = "", "", ""
	}
}

func waitExit(ctx context.Context, process *peer.Process, limit time.Duration) (peer.Exit, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return process.WaitExit(ctx)
}

// clientCPU is how much processor time a client may use after the fault, and timesCPU how
// many times that of a run without one: it may compute.
const (
	clientCPU = 500 * time.Millisecond
	timesCPU  = 3
)

// explainClient blocks until it is known that a client will not go on, and why, or until
// the context ends.
func explainClient(ctx context.Context, process *peer.Process, l playedServer, programs *rig.Programs, base time.Duration) (stuck, place, spins string) {
	struck := time.Duration(-1) // processor time until then
	sleep.For(ctx, proofWindow)
	check := probe.StuckCheck{Tree: await.WithServices(process.ProcessTree, programs.ServiceTree), ApproxTree: await.WithServices(process.ApproxTree, programs.ServiceTree), Idle: l.isIdle}
	for ctx.Err() == nil {
		if stuck, place = tryProof(ctx, check); stuck != "" {
			return stuck, place, ""
		}
		if ctx.Err() != nil || !l.isIdle() || !l.hasStruck() {
			struck = -1
			continue
		}
		cpu := cpuOf(process)
		if struck < 0 {
			struck = cpu
		}
		if used := cpu - struck; used > max(clientCPU, timesCPU*base) {
			return "", "", fmt.Sprintf("it used %d ms of processor time after the fault, and %d ms in all without it", used.Milliseconds(), base.Milliseconds())
		}
	}
	return "", "", ""
}

func (s *clientSubject) play(ctx context.Context, p Point) verdict {
	limit := s.quick
	if p.Fault == Heal {
		limit += s.heal
	}
	if p.Fault == Stall || p.Fault == Blackhole || p.Datagram && !p.isHarmlessDatagram() {
		limit = s.slow
	}
	run := s.run(ctx, &p, limit, false, false)
	v := s.judge(p, run)
	v.suspect = v.suspect || run.unread && s.unread < enoughVerified
	return v
}

func (s *clientSubject) confirm(ctx context.Context, p Point, _ string) verdict {
	run := s.run(ctx, &p, s.slow, true, false)
	if run.late && !run.reached { // for want of a processor
		run = s.run(ctx, &p, max(busyStretch*s.slow, controlTime), true, false)
	}
	if s.unread++; !run.unread {
		s.unread = 0
	}
	v := s.judge(p, run)
	v.suspect = false
	return v
}

// watch implements subject.
func (s *clientSubject) watch(ctx context.Context, p *Point) (observation, error) {
	run := s.run(ctx, p, s.slow, true, true)
	if run.err != nil {
		return observation{}, run.err
	}
	o := observation{log: run.log, took: run.took, late: run.late, stuck: run.stuck}
	if !run.late {
		o.log = append(o.log, moment{run.took, "client  " + run.exit.String() + ", " + plural.Count(len(run.stdout), "byte") + " on stdout"})
	}
	return o, nil
}
