package coordinator

import (
	"context"
	"math"
	"runtime"
	"time"
)

const (
	// growthInterval is the time between two looks at whether one more worker would help. A
	// look reads the state of every thread. While the processors are in use, each interval is
	// twice as long as the one before, up to longestInterval. Looks never take more than a
	// fixed share of the time.
	growthInterval  = 25 * time.Millisecond
	longestInterval = 16 * growthInterval
	growthDivisor   = 8
	// growthLoad is a share of the processors. Another worker starts when the workers need
	// less.
	growthLoad = 0.5
	// growthWeight is the weight of one look against the looks before, if it comes after
	// growthInterval. A later look weighs more. A worker that has just started needs a
	// processor for a few looks.
	growthWeight = 0.2
	// growthMemory is how old the last look may be to count.
	growthMemory = time.Second
)

// A need is the processor time that workers and the programs that they have started need.
type need struct {
	used     map[int]time.Duration // by thread: how long it ran, and a part of the time for which it was ready to run
	runnable bool                  // a program under test runs now, or is ready to run
}

// A growth decides when another worker starts: workers that wait leave processors to others.
type growth struct {
	look   func(workers []int) (need, bool) // see [lookAtNeed]; a test has its own
	at     time.Time                        // of the last look; zero: there was none
	before need
	pause  time.Duration // until the next
	load   float64       // share of the processors that is needed, smoothed
	off    bool          // this system does not tell
}

func newGrowth() growth { return growth{look: lookAtNeed, load: 1, pause: growthInterval} }

// sample takes a look, and updates the load.
func (g *growth) sample(workers []int, now time.Time) {
	seen, known := g.look(workers)
	took := time.Since(now)
	elapsed, before := now.Sub(g.at), g.before
	g.off = !known
	first := g.at.IsZero() || elapsed > growthMemory
	g.at, g.before = now, seen
	if first || g.off {
		return
	}
	share := 1.0
	if !seen.runnable { // a program that ends takes what it has used with it
		share = float64(seen.usedSince(before)) / float64(elapsed) / float64(runtime.NumCPU())
	}
	weight := 1 - math.Pow(1-growthWeight, float64(elapsed)/float64(growthInterval))
	g.load += weight * (min(share, 1) - g.load)
	if g.pause = min(2*g.pause, longestInterval); share < growthLoad {
		g.pause = growthInterval
	}
	g.pause = min(max(g.pause, growthDivisor*took), growthMemory/2)
}

// usedSince returns what the threads that are there now have used meanwhile.
func (n need) usedSince(before need) (sum time.Duration) {
	for id, used := range n.used {
		sum += used - before.used[id]
	}
	return sum
}

// firstWorkers is how many start at once.
func (c Config) firstWorkers() int {
	if c.AtOnce <= 0 || c.AtOnce > c.Procs {
		return c.Procs
	}
	return c.AtOnce
}

// growsAt is when r looks again whether another worker would help.
func (r *run) growsAt() time.Time {
	if r.growth.off || r.stopping || !r.canStartMore() && !r.hasParked() {
		return time.Now().Add(never)
	}
	return r.growth.at.Add(r.growth.pause)
}

// grow lets more run at a time if what runs leaves processors unused.
func (r *run) grow(ctx context.Context, now time.Time) {
	if now.Before(r.growsAt()) {
		return
	}
	var pids []int
	for _, s := range r.liveSessions() {
		pids = append(pids, s.process.cmd.Process.Pid)
	}
	r.growth.sample(pids, now)
	r.useProcessors(ctx)
}

// useProcessors lets more run at a time if the last look found processors that are idle.
func (r *run) useProcessors(ctx context.Context) {
	switch {
	case r.growth.off:
		for w := r.spareWorker(); w != nil; w = r.spareWorker() {
			r.launchWorker(ctx, w)
		}
	case r.growth.load >= growthLoad:
	case r.hasParked():
		r.mayShare = true
	default:
		r.startMore(ctx)
	}
}

// spareWorker returns a worker that was never started; nil: there is none.
func (r *run) spareWorker() *worker {
	for _, w := range r.workers {
		if !w.launched {
			return w
		}
	}
	return nil
}
