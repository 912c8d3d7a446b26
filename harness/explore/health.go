package explore

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/await"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/excerpt"
	"github.com/sockharness/harness/harness/peer"
	"github.com/sockharness/harness/harness/probe"
	"github.com/sockharness/harness/harness/scenario"
	"github.com/sockharness/harness/harness/sleep"
)

// What settle names.
const (
	damageCrash = "crash"
	damageDead  = "dead"
	damageSpin  = "spin"
	damageLeak  = "leak"
)

// How long a look at the server's process takes.
const (
	leakSettle   = 300 * time.Millisecond // until what was closed is given back
	spinGlance   = 4 * time.Millisecond
	spinWindow   = 60 * time.Millisecond
	busyShare    = 0.8
	exitGrace    = time.Second
	leakRepeats  = 8
	growthBefore = 3 // what may be kept without a second look
)

// settle implements subject.
func (s *serverSubject) settle(ctx context.Context) string {
	if _, ended := s.exit(0); ended {
		return damageCrash
	}
	if s.state == scenario.StateProcess {
		return s.settleFresh(ctx)
	}
	if err := describeControl(s.control(ctx)); err != nil && ctx.Err() == nil {
		if _, ended := s.exit(exitGrace); ended {
			return damageCrash
		}
		return damageDead
	}
	if s.process == nil {
		return ""
	}
	if s.isSpinning(ctx) {
		return damageSpin
	}
	if s.hasGrown(ctx, growthBefore, s.leakSettle()) {
		return damageLeak
	}
	return ""
}

// settleFresh replaces a process that remembers, and looks at it before.
func (s *serverSubject) settleFresh(ctx context.Context) string {
	damage := ""
	if _, ended := s.exit(5 * time.Millisecond); ended {
		damage = damageCrash
	} else if s.process != nil && s.isSpinning(ctx) {
		damage = damageSpin
	}
	if err := s.restart(ctx); err != nil && ctx.Err() == nil {
		return damageDead
	}
	return damage
}

// exit returns how the server's process has ended, if it has.
func (s *serverSubject) exit(grace time.Duration) (peer.Exit, bool) {
	if s.process == nil {
		return peer.Exit{}, false
	}
	if grace > 0 {
		select {
		case <-s.process.ExitedChan():
		case <-time.After(grace):
		}
	}
	return s.process.ExitStatus()
}

func (s *serverSubject) usage() probe.Usage {
	if s.process == nil {
		return probe.Usage{}
	}
	u, _ := probe.MeasureFast(s.process.ApproxTree())
	return u
}

// isSpinning looks twice at what the server's threads were given, a moment apart, and
// measures where they wanted a processor for most of it.
func (s *serverSubject) isSpinning(ctx context.Context) bool {
	return isBusy(ctx, s.process) && s.measureSpin(ctx) != ""
}

// measureSpin says how busy the server is while nothing moves; nothing when it is not.
func (s *serverSubject) measureSpin(ctx context.Context) string {
	if s.process == nil {
		return ""
	}
	return measureSpin(ctx, s.process, spinWindow)
}

// hasGrown reports whether the server holds more than at the last look, once it has had
// time to give it back. What it holds now is what the next look compares with.
func (s *serverSubject) hasGrown(ctx context.Context, room int, settle time.Duration) bool {
	before := s.base
	for end := time.Now().Add(settle); ; sleep.For(ctx, 5*time.Millisecond) {
		s.base = s.usage()
		if describeGrowth(s.base.GrowthSince(before), room) == "" {
			return false
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return true
		}
	}
}

// pooledThreads is how many conversations a leak of threads must grow over: pools are
// full then.
const pooledThreads = 256

// leaksThreads plays the point until every pool is full, and reports whether the threads
// have grown with all of it.
func (s *serverSubject) leaksThreads(ctx context.Context, p Point) bool {
	before := s.usage()
	for range pooledThreads {
		if ctx.Err() != nil {
			return false
		}
		s.dialer(s.quick).play(ctx, &p)
	}
	s.base = before
	return s.hasGrown(ctx, pooledThreads/2, leakSettle) && s.usage().Threads-before.Threads > pooledThreads/2
}

// leakSettle is shorter for a server that is known to leak.
func (s *serverSubject) leakSettle() time.Duration {
	if s.leaks >= enoughVerified {
		return leakSettle / 6
	}
	return leakSettle
}

func describeGrowth(g probe.Growth, room int) string {
	switch {
	case g.Descriptors > room:
		return "descriptors"
	case g.Zombies > room:
		return "zombies"
	case g.Threads > room:
		return "threads"
	}
	return ""
}

// aheadTries is how often a point is tried at which the server and the end of the
// connection race: only where the end comes first does anything show.
const aheadTries = 12

// confirm implements subject.
func (s *serverSubject) confirm(ctx context.Context, p Point, damage string) verdict {
	v := s.confirmOnce(ctx, p, damage)
	for range aheadTries {
		if v.bad() || !p.Pipelined || damage == "" || ctx.Err() != nil {
			break
		}
		v = s.confirmOnce(ctx, p, damage)
	}
	return v
}

func (s *serverSubject) confirmOnce(ctx context.Context, p Point, damage string) verdict {
	if err := s.makeReady(ctx); err != nil {
		return suspectIn(violation("unreachable", Hang, "the server cannot be started again", "%v", err))
	}
	v := s.playAlone(ctx, p)
	if w := s.examine(ctx, p, damage); w.bad() {
		s.dirty = true
		return w
	}
	if v.bad() {
		s.dirty = v.severity == Spin
	}
	v.suspect = false
	return v
}

// makeReady starts the server again where it is dead, or damaged.
func (s *serverSubject) makeReady(ctx context.Context) error {
	_, ended := s.exit(0)
	if !ended && !s.dirty {
		return nil
	}
	return s.restart(ctx)
}

// playAlone plays a point with time enough, while somebody looks for a proof that the
// server waits forever.
func (s *serverSubject) playAlone(ctx context.Context, p Point) verdict {
	d := s.dialer(s.slow)
	d.watch = s.watchWait
	o := d.play(ctx, &p)
	if s.unread++; !o.unread {
		s.unread = 0
	}
	return judgeServer(s.layout, p, o)
}

// watchWait waits for more from the server, and ends the wait as soon as it is known that
// nothing will come: the server is proven to wait forever, or only burns a processor.
func (s *serverSubject) watchWait(ctx context.Context, w *wire, o *observation) bool {
	if s.process == nil {
		return w.read(time.Now().Add(s.slow))
	}
	ctx, cancel := context.WithTimeout(ctx, s.slow)
	defer cancel()
	var tasks sync.WaitGroup
	var stuck, place, spins string
	tasks.Go(func() {
		if stuck, place, spins = s.explainWait(ctx); stuck+spins != "" {
			_ = w.conn.SetReadDeadline(time.Unix(1, 0))
		}
	})
	came := w.read(time.Now().Add(s.slow))
	cancel()
	tasks.Wait()
	if !came {
		o.stuck, o.stuckIn, o.spins = stuck, place, spins
	}
	return came
}

// explainWait blocks until it is known that the server will not go on, and why, or until
// the context ends.
func (s *serverSubject) explainWait(ctx context.Context) (stuck, place, spins string) {
	check := probe.StuckCheck{Tree: await.WithServices(s.process.ProcessTree, s.launcher.programs.ServiceTree),
		ApproxTree: await.WithServices(s.process.ApproxTree, s.launcher.programs.ServiceTree)}
	for ctx.Err() == nil {
		if stuck, place = tryProof(ctx, check); stuck != "" {
			return stuck, place, ""
		}
		if busy := s.measureSpin(ctx); busy != "" && ctx.Err() == nil {
			if again := s.measureSpin(ctx); again != "" && ctx.Err() == nil {
				return "", "", again
			}
		}
	}
	return "", "", ""
}

// proofWindow is how long a proof is tried for before somebody looks whether the server
// is busy instead.
const proofWindow = 60 * time.Millisecond

// tryProof tries for a moment to prove that a program waits forever, and says where; empty: it is not
// proven.
func tryProof(ctx context.Context, check probe.StuckCheck) (stuck, place string) {
	ctx, cancel := context.WithTimeout(ctx, proofWindow)
	defer cancel()
	d, err := check.ProveStuck(ctx)
	if err != nil {
		return "", ""
	}
	return d.String(), d.Place()
}

// examine looks at the server after a point that was played alone.
func (s *serverSubject) examine(ctx context.Context, p Point, damage string) verdict {
	if s.state == scenario.StateProcess {
		s.dirty = true
		if exit, ended := s.exit(5 * time.Millisecond); ended {
			return s.crashed(exit)
		}
		return verdict{}
	}
	control := s.control(ctx)
	err := describeControl(control)
	if ctx.Err() != nil {
		return verdict{}
	}
	if err != nil || damage == damageCrash {
		grace := 5 * time.Millisecond
		if err != nil {
			grace = exitGrace
		}
		if exit, ended := s.exit(grace); ended {
			return s.crashed(exit)
		}
	}
	switch {
	case err != nil && control.ending == event.Refused:
		return violation("dead", Hang, "the server does not serve clients any more", "%v", err)
	case err != nil:
		return violation("dead", Hang, "the server does not serve clients any more", "a conversation without a fault afterwards: %v", err)
	case damage == damageSpin:
		if busy := s.measureSpin(ctx); busy != "" {
			return violation("spin", Spin, "the server uses a processor while nothing moves", "%s", busy)
		}
	case damage == damageLeak:
		return s.measureLeak(ctx, p)
	}
	return verdict{}
}

func (s *serverSubject) crashed(exit peer.Exit) verdict {
	v := violation("crash", Crash, "the server process ends", "%s", exit)
	v.symptom = maskNumbers(exit.String())
	if line := lastLine(s.process.Stderr().TailBytes()); line != "" {
		v.detail += "; it wrote: " + line
		v.symptom += " " + maskNumbers(line)
	}
	return v
}

// measureLeak plays the point several times, and again until the leak is known: a pool
// stops growing.
func (s *serverSubject) measureLeak(ctx context.Context, p Point) verdict {
	rounds, settle := 2, leakSettle
	if s.leaks >= enoughVerified {
		rounds, settle = 1, leakSettle/6
	}
	kind, grown := "", ""
	for range rounds {
		s.base = s.usage()
		before := s.base
		for range leakRepeats {
			s.dialer(s.quick).play(ctx, &p)
		}
		if !s.hasGrown(ctx, leakRepeats/2-1, settle) {
			return verdict{}
		}
		g := s.base.GrowthSince(before)
		kind, grown = describeGrowth(g, leakRepeats/2-1), g.String()
	}
	if kind == "threads" && s.leaks < enoughVerified && !s.leaksThreads(ctx, p) {
		return verdict{}
	}
	s.leaks++
	v := violation("leak", Leak, "the server keeps "+kind+" of connections that are over", "after %d more of them: %s", leakRepeats, headOf(grown))
	v.symptom = kind
	return v
}

// watch implements subject.
func (s *serverSubject) watch(ctx context.Context, p *Point) (observation, error) {
	if err := s.makeReady(ctx); err != nil {
		return observation{}, err
	}
	d := s.dialer(s.slow)
	d.watch, d.logs = s.watchWait, true
	o := d.play(ctx, p)
	if _, ended := s.exit(20 * time.Millisecond); ended || o.late {
		s.dirty = true
	}
	return o, nil
}

func lastLine(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.TrimSpace(strings.ToValidUTF8(lines[len(lines)-1], "\uFFFD"))
}

// mostRemark is how much of a text is told in one line, bytes.
const mostRemark = 300

// headOf returns the first line of a text, shortened.
func headOf(text string) string { return excerpt.Start(excerpt.FirstLine(text), mostRemark) }
