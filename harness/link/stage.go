package link

import (
	"context"
	"fmt"
	"reflect"
	"sync/atomic"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
)

type chunk = stream.StreamChunk

// An endCause says that a toxic has ended the stream, and how it wants that to
// look. Nil stands for the source's own end.
type endCause struct {
	end   hook.EndMode
	toxic string
}

// A stage is one toxic at work in one link.
type stage struct {
	asked    Stage
	link     *Link
	toxicCtx *toxicContext
	toxic    toxics.Toxic // asked.Toxic, or what it has attached
	stub     *toxics.ToxicStub
	in       chan *chunk
	out      chan *chunk
	outlet   stageOutput // the stub's output, for the joint

	// The goroutine that feeds the stage, one at a time, owns these.
	entered int64       // bytes sent into it
	sealed  bool        // the end of the stream was sent, in is closed
	inbound *endCause   // how the stream ends that was sent; set before offered
	offered atomic.Bool // the end of the stream is being sent

	emitted  atomic.Int64  // bytes received from it
	stopping atomic.Bool   // an interrupt is being sent
	done     chan struct{} // closed when this run of the toxic has returned
	over     chan struct{} // closed when the toxic has closed its output; then outbound is set
	outbound *endCause
}

func newStage(l *Link, asked Stage) *stage {
	s := &stage{asked: asked, link: l, in: make(chan *chunk, max(asked.BufferSize, 0)), out: make(chan *chunk),
		over: make(chan struct{})}
	s.outlet = stageOutput{chunks: s.out, stage: s}
	s.toxicCtx = &toxicContext{link: l, toxic: asked.Name}
	s.stub = toxics.NewToxicStub(s.in, s.out)
	if stateful, ok := asked.Toxic.(toxics.StatefulToxic); ok {
		s.stub.State = stateful.NewState()
	}
	return s
}

// isSameStage reports whether the stage is the one that is asked for, perhaps with
// other attributes.
func (s *stage) isSameStage(asked Stage) bool {
	return s.asked.Name == asked.Name && s.asked.BufferSize == asked.BufferSize &&
		reflect.TypeOf(s.asked.Toxic) == reflect.TypeOf(asked.Toxic)
}

// attributesChanged reports whether the attributes are others. Toxics are values that
// nobody modifies while they are at work.
func (s *stage) attributesChanged(asked Stage) bool {
	return !reflect.TypeOf(asked.Toxic).Comparable() || s.asked.Toxic != asked.Toxic
}

// startToxic runs the toxic until it is interrupted or has closed its output. Ctx is
// that of the connection.
func (s *stage) startToxic(ctx context.Context) {
	s.toxicCtx.ctx = ctx
	s.stopping.Store(false)
	s.done = make(chan struct{})
	go s.runToxic(ctx, s.done)
}

func (s *stage) runToxic(ctx context.Context, done chan struct{}) {
	defer close(done)
	err := s.guardPanic(func() {
		if s.toxic == nil {
			s.attachToxic()
		}
		s.toxic.Pipe(s.stub)
	})
	if err == nil && !s.stub.Closed() && s.stopping.Load() {
		return
	}
	passed := err == nil && s.stub.Closed() && s.tookEnd(ctx)
	if end := s.finishStage(passed); end != nil {
		s.link.forceEnd(ctx, s.stub.Interrupt, end.end)
	}
}

func (s *stage) attachToxic() {
	s.toxic = s.asked.Toxic
	if a, ok := s.toxic.(Attacher); ok {
		s.toxic = a.Attach(s.toxicCtx)
		if stateful, ok := s.toxic.(toxics.StatefulToxic); ok && s.stub.State == nil {
			s.stub.State = stateful.NewState()
		}
	}
}

// guardPanic calls the toxic's code and turns a panic into an event and an error.
func (s *stage) guardPanic(act func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("toxic %s: panic: %v", s.asked.Name, p)
			s.link.emitEvent(event.Event{Kind: event.Panic, Toxic: s.asked.Name, Offset: s.toxicCtx.startOffset + s.emitted.Load(), Detail: fmt.Sprint(p)})
		}
	}()
	act()
	return nil
}

// tookEnd reports whether the toxic that has closed its output had received the
// end of the stream before, so that it passes it on, or closed on its own. What
// feeds the stage sends the end as a nil chunk and then closes the input: if the
// toxic has not taken the nil, it is still to be had.
func (s *stage) tookEnd(ctx context.Context) bool {
	if !s.offered.Load() {
		return false
	}
	select {
	case _, ok := <-s.in:
		return !ok
	case <-ctx.Done():
		return false
	}
}

// finishStage says how the stream goes on after the stage is over, and returns the
// end that is the toxic's own, if it is. Nobody runs the toxic any more.
func (s *stage) finishStage(passed bool) (own *endCause) {
	switch end := s.toxicCtx.requestedEnd; {
	case end != nil:
		own = &endCause{end: *end, toxic: s.asked.Name}
	case !passed:
		own = &endCause{end: hook.CloseBoth, toxic: s.asked.Name}
	}
	if s.outbound = own; own == nil {
		s.outbound = s.inbound
	}
	s.stub.Close()
	close(s.over)
	return own
}

func (s *stage) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// interruptToxic makes the toxic return, and waits for it. It returns false when the
// context ended or abort was closed first. The joint behind the stage must be
// elastic. Feeder is the joint before the stage if nobody else works it.
func (s *stage) interruptToxic(ctx context.Context, abort <-chan struct{}, feeder *pump) bool {
	s.stopping.Store(true)
	interrupt := s.stub.Interrupt
	for {
		select {
		case interrupt <- struct{}{}:
			interrupt = nil
		case feeder.endOffered() <- nil:
			feeder.dropHead(feeder.queue[0])
		case <-s.done:
			return true
		case <-abort:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// drainOutput takes what the toxic still sends, until it returns.
func (s *stage) drainOutput() {
	out := s.out
	for {
		select {
		case _, ok := <-out:
			if !ok {
				out = nil
			}
		case <-s.done:
			return
		}
	}
}

// updateToxic gives the stage other attributes. It must have been interrupted.
func (s *stage) updateToxic(asked Stage) {
	s.asked = asked
	s.toxic = nil
	if s.stub.State == nil {
		if stateful, ok := asked.Toxic.(toxics.StatefulToxic); ok {
			s.stub.State = stateful.NewState()
		}
	}
}

// cleanUp lets the toxic know that it is removed. It must have been interrupted.
func (s *stage) cleanUp(ctx context.Context) {
	clean, ok := s.toxic.(toxics.CleanupToxic)
	if !ok || s.isOver() {
		return
	}
	done := make(chan struct{})
	s.done = done
	go func() {
		defer close(done)
		if s.guardPanic(func() { clean.Cleanup(s.stub) }) != nil || s.stub.Closed() {
			s.finishStage(false)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// takeUnprocessed takes what the stage has not processed out of its input, in order. It
// must have been interrupted, and nobody feeds it any more.
func (s *stage) takeUnprocessed() (items []item) {
	for {
		select {
		case c, ok := <-s.in:
			if ok && c != nil {
				items = append(items, chunkItem(c))
				continue
			}
		default:
		}
		if s.sealed {
			items = append(items, item{end: true, verdict: s.inbound})
		}
		return items
	}
}
