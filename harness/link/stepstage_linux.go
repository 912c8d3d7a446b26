package link

import (
	"time"

	"github.com/sockharness/harness/toxics/hook"
)

// TakesMore reports whether the source was left alone and is to be read again, by
// [Link.StepOnce]: once.
func (l *Link) TakesMore() bool {
	c := l.steps.chain
	if c == nil || !c.paused || c.isFull() {
		return false
	}
	c.paused = false
	return true
}

// HasChain reports whether toxics other than delays are at work by steps.
func (l *Link) HasChain() bool { return l.steps.chain != nil }

// runChain moves on what waits in the chain, as far as that can be at the moment.
func (l *Link) runChain(dst int) Progress {
	c, now := l.steps.chain, time.Now()
	for moved := true; moved; {
		c.due = time.Time{}
		made, wrote := l.stepDest(dst, now)
		if made != WouldBlock {
			return made
		}
		moved = wrote
		for i := len(c.stages) - 1; i >= 0; i-- {
			moved = c.stepStage(i, now) || moved
		}
	}
	return WouldBlock
}

// stepStage has one toxic move on, and reports whether anything has moved.
func (c *stepChain) stepStage(i int, now time.Time) bool {
	s := c.stages[i]
	if s.isOver() {
		dropped := len(c.queues[i]) > 0
		c.queues[i] = nil
		return dropped
	}
	if len(c.queues[i+1]) > 0 {
		return false
	}
	in := stepInlet{chain: c, stage: i}
	var made hook.Step[chunk]
	failed := s.guardPanic(func() { made = s.toxic.(Stepper).Step(s.stub, &in, now) })
	switch {
	case failed != nil, made.Ended:
		s.finishStage(failed == nil && s.sealed)
		s.outlet.ended = true
		c.queues[i+1] = append(c.queues[i+1], item{end: true, verdict: s.outbound})
		return true
	case made.Out != nil:
		s.emitted.Add(int64(len(made.Out.Data)))
		c.queues[i+1] = append(c.queues[i+1], chunkItem(made.Out))
		return true
	}
	c.noteDue(made.Due)
	return in.took
}

// A stepInlet is what waits before one toxic of a chain.
type stepInlet struct {
	chain *stepChain
	stage int
	took  bool
}

var _ hook.Inlet[chunk] = (*stepInlet)(nil)

// Take implements [hook.Inlet].
func (in *stepInlet) Take() (*chunk, bool) {
	queue, s := in.chain.queues[in.stage], in.chain.stages[in.stage]
	if len(queue) == 0 {
		return nil, false
	}
	head := queue[0]
	in.chain.queues[in.stage], in.took = queue[1:], true
	if head.end {
		s.inbound, s.sealed = head.verdict, true
		s.offered.Store(true)
		close(s.in)
		return nil, true
	}
	s.entered += head.bytes
	return head.chunk, false
}
