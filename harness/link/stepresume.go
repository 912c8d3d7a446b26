package link

import "context"

// resumeChain returns a flow that goes on with the chain that steps have carried the
// stream through: with the same toxics, and what waits before each of them.
func (l *Link) resumeChain(ctx context.Context) *streamFlow {
	c, asked, edit := l.steps.chain, l.steps.stages, l.steps.edit
	l.steps = stepState{}
	f := beginFlow(l, ctx)
	f.stages, f.edit, f.ended = c.stages, edit, c.ended
	f.writer.sealed = c.sealed
	if c.wait.under && !c.wait.reset {
		l.boundaries.addOffset(c.wait.offset)
	}
	for _, s := range f.stages {
		if s.isOver() {
			s.awaitForced(f.ctx)
		}
	}
	f.launchStages(asked, c.queues)
	if c.ended == endedByFIN {
		f.using.Go(f.watchReset)
	}
	return f
}

// awaitForced sees to it that the connection ends which the toxic has ended, in the place
// of the toxic that would run now.
func (s *stage) awaitForced(ctx context.Context) {
	s.toxicCtx.ctx, s.done = ctx, make(chan struct{})
	own := s.outbound
	if own == s.inbound {
		close(s.done)
		return
	}
	go func(done chan struct{}) {
		defer close(done)
		s.link.forceEnd(ctx, s.stub.Interrupt, own.end)
	}(s.done)
}
