package link

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// handoff is what a splice leaves behind.
type handoff struct {
	useChain bool     // the copying path has to go on
	pending  [][]byte // read from the source, and not yet seen by any toxic
	delayed  []item   // the same, read a while ago
	pipe     *pipe    // the same, still in there
	tail     [][]byte // to be written before anything else
	ended    ended    // the source's stream has
}

// endsHere reports whether nothing but the end of the stream is left to pass on.
func (c handoff) endsHere() bool {
	return c.pipe == nil && len(c.pending)+len(c.delayed)+len(c.tail) == 0 && (c.ended == endedByFIN || c.ended == endedByReset)
}

// isUnseen reports whether nothing is left but what was read and no toxic has seen yet.
func (c handoff) isUnseen() bool {
	return (c.pipe != nil || len(c.pending) > 0) && len(c.delayed)+len(c.tail) == 0 && c.ended == notEnded
}

// A streamFlow is the stream of a link while it goes through this process. Its run is
// the reader, and the only one who changes its stages and joints.
type streamFlow struct {
	link   *Link
	ctx    context.Context // of the connection
	cancel context.CancelFunc
	writer *writer
	stages []*stage
	joints []*pump // joints[i] feeds stages[i], the last one the writer; the reader works the first one
	edit   uint64
	ended  ended
	fence  chan struct{} // closed when the writer has nothing left, to go back to a splice
	stuck  stallDetector
	using  sync.WaitGroup // goroutines that use the sockets
}

func newFlow(l *Link, ctx context.Context, c handoff) *streamFlow {
	f := beginFlow(l, ctx)
	f.buildChain(asItems(c.tail), append(c.delayed, asItems(c.pending)...))
	if c.ended != notEnded {
		f.noteEnd(c.ended)
	}
	return f
}

// beginFlow returns a flow that has a writer and no chain.
func beginFlow(l *Link, ctx context.Context) *streamFlow {
	ctx, cancel := context.WithCancel(ctx)
	f := &streamFlow{link: l, ctx: ctx, cancel: cancel, writer: newWriter(l)}
	f.stuck.tick = time.NewTicker(progressPeriod)
	f.stuck.tick.Stop()
	f.using.Go(func() { f.writer.runWriter(ctx) })
	return f
}

func asItems(pieces [][]byte) (all []item) {
	now := time.Now()
	for _, p := range pieces {
		all = append(all, chunkItem(&chunk{Data: p, Timestamp: now}))
	}
	return all
}

// cutPieces cuts b into pieces of at most n bytes.
func cutPieces(b []byte, n int) (pieces [][]byte) {
	for len(b) > n {
		pieces, b = append(pieces, b[:n:n]), b[n:]
	}
	if len(b) > 0 {
		pieces = append(pieces, b)
	}
	return pieces
}

// runFlow carries the stream until the connection is over, or until the kernel can
// go on alone; then it returns false.
func (f *streamFlow) runFlow() (outcome Outcome, done bool) {
	defer func() { f.tearDown(done && outcome != Parked) }()
	for {
		stages, edit := f.link.wantedChain()
		if edit != f.edit && !f.rebuildChain(stages, edit) {
			return f.finalOutcome(), true
		}
		if outcome, done := f.isOver(); done {
			return outcome, true
		}
		if refuse := f.link.takeParking(); refuse != nil {
			if f.parkFlow(stages) {
				return Parked, true
			}
			(*refuse)()
			continue
		}
		switch {
		case len(f.joints[0].queue) > 0:
			f.pushHead()
		case f.canSplice():
			if f.awaitFlushed() {
				return Stopped, false
			}
		case f.ended == notEnded && !f.link.leavesUnread():
			f.readChunk()
		default:
			f.waitNext(nil)
		}
	}
}

// finalOutcome returns what the writer has to say, or that the context ended.
func (f *streamFlow) finalOutcome() Outcome {
	select {
	case <-f.writer.over:
		return f.writer.outcome
	default:
		return Stopped
	}
}

// isOver reports whether the connection is.
func (f *streamFlow) isOver() (Outcome, bool) {
	select {
	case <-f.writer.over:
		return f.writer.outcome, true
	case <-f.ctx.Done():
		return Stopped, true
	default:
		if f.link.finished.isSet() {
			return f.link.afterFIN(f.ctx)
		}
		if o := Outcome(f.link.overdue.Load()); o != Stopped {
			return o, true
		}
		return Aborted, f.stuck.gaveUp
	}
}

// readChunk reads one chunk from the source.
func (f *streamFlow) readChunk() {
	l := f.link
	if !l.beginRead(false) {
		return
	}
	b, err := l.readChunk()
	l.endRead()
	switch {
	case err == nil:
		l.recordReceived(b)
		l.noteReceived(int64(len(b)))
		f.joints[0].queue = append(f.joints[0].queue, chunkItem(&chunk{Data: b, Timestamp: time.Now()}))
	case !errors.Is(err, os.ErrDeadlineExceeded):
		f.noteEnd(l.classifyReadError(err))
	}
}

// noteEnd takes note that the source's stream has ended.
func (f *streamFlow) noteEnd(e ended) {
	f.ended = e
	if e != endedHere {
		f.joints[0].queue = append(f.joints[0].queue, item{end: true})
	}
	if e == endedByFIN {
		f.using.Go(f.watchReset)
	}
}

// watchReset sees the reset of a source whose stream has ended already: a read does
// not tell.
func (f *streamFlow) watchReset() {
	if sock.AwaitReset(f.ctx, f.link.src.Conn) == nil {
		f.link.src.markReset()
	}
}

// pushHead moves the head of the reader's own joint, or finds something else to do.
func (f *streamFlow) pushHead() {
	j := f.joints[0]
	toStage, toWriter, head, over := j.nextOffers()
	if len(j.queue) == 0 {
		return
	}
	select {
	case toStage <- head.chunk:
		j.dropHead(head)
		return
	case toWriter <- head:
		j.dropHead(head)
		return
	default:
	}
	f.watchProgress()
	select {
	case toStage <- head.chunk:
		j.dropHead(head)
	case toWriter <- head:
		j.dropHead(head)
	case <-over:
		j.queue = nil
	case <-f.stuck.tick.C:
		f.stuck.checkProgress(f.link)
	case <-f.link.changed:
	case <-f.ctx.Done():
	}
}

// waitNext waits for whatever happens next.
func (f *streamFlow) waitNext(also <-chan struct{}) {
	f.watchProgress()
	select {
	case <-also:
	case <-f.stuck.tick.C:
		f.stuck.checkProgress(f.link)
	case <-f.link.changed:
	case <-f.ctx.Done():
	}
}

// canSplice reports whether the kernel could carry the stream alone.
func (f *streamFlow) canSplice() bool {
	l := f.link
	return len(f.stages) == 0 && l.canSplice() &&
		f.ended == notEnded && !l.src.wasReset() && !f.writer.sealed
}

// awaitFlushed waits until the writer has nothing left, or something else happens.
func (f *streamFlow) awaitFlushed() bool {
	if f.fence == nil {
		f.fence = make(chan struct{})
		f.joints[0].queue = append(f.joints[0].queue, item{fence: f.fence})
		return false
	}
	f.waitNext(f.fence)
	select {
	case <-f.fence:
		return !f.link.broken.Load()
	default:
		return false
	}
}

// progressPeriod is how often the progress of a write is looked at.
const progressPeriod = 25 * time.Millisecond

// stallDetector sees that a write makes no progress.
type stallDetector struct {
	tick   *time.Ticker
	armed  bool
	gaveUp bool // up
	since  time.Time
	sent   int64
	queue  int
}

// watchProgress starts to watch the writer once the source was reset: what the
// destination does not take within its patience is lost then, as it is on a wire.
func (f *streamFlow) watchProgress() {
	if !f.stuck.armed && f.link.src.wasReset() {
		f.stuck.armed, f.stuck.since = true, time.Now()
		f.stuck.tick.Reset(progressPeriod)
	}
}

func (s *stallDetector) checkProgress(l *Link) {
	sent, queue := l.sent.Load(), l.dst.unackedBytes()
	if sent != s.sent || queue != s.queue || !l.inWrite.Load() {
		s.sent, s.queue, s.since = sent, queue, time.Now()
	}
	s.gaveUp = time.Since(s.since) >= l.cfg.Patience.Progress
}

// tearDown ends everything that the flow has started. When the link is done, it
// ends the I/O under way too. Afterwards nothing uses the sockets.
func (f *streamFlow) tearDown(done bool) {
	f.stuck.tick.Stop()
	f.cancel()
	if done {
		f.link.stopIO()
	}
	for _, s := range f.stages {
		f.link.wg.Go(func() { f.stopToxic(s) })
	}
	for _, j := range f.joints[1:] {
		<-j.done
	}
	f.using.Wait()
}

// stopToxic makes a toxic return, or gives it up after a while. What it still sends
// is dropped, however late it comes.
func (f *streamFlow) stopToxic(s *stage) {
	ctx, cancel := context.WithTimeout(context.Background(), f.link.cfg.Patience.Toxic)
	defer cancel()
	dropped := make(chan struct{})
	go func() {
		defer close(dropped)
		s.drainOutput()
	}()
	if s.interruptToxic(ctx, nil, nil) {
		<-dropped
		return
	}
	f.link.emitEvent(event.Event{Kind: event.Leaked, Toxic: s.asked.Name,
		Detail: "the toxic has not returned within " + f.link.cfg.Patience.Toxic.String()})
}
