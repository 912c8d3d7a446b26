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

// carry is what a splice leaves behind.
type carry struct {
	toChain bool     // the copying path has to go on
	pending [][]byte // read from the source, and not yet seen by any toxic
	delayed []item   // the same, read a while ago
	pipe    *pipe    // the same, still in there
	tail    [][]byte // to be written before anything else
	ended   ended    // the source's stream has
}

// endsHere reports whether nothing but the end of the stream is left to pass on.
func (c carry) endsHere() bool {
	return c.pipe == nil && len(c.pending)+len(c.delayed)+len(c.tail) == 0 && (c.ended == endedByFIN || c.ended == endedByReset)
}

// A flow is the stream of a link while it goes through this process. Its run is
// the reader, and the only one who changes its stages and joints.
type flow struct {
	link   *Link
	ctx    context.Context // of the connection
	cancel context.CancelFunc
	writer *writer
	stages []*stage
	joints []*joint // joints[i] feeds stages[i], the last one the writer; the reader works the first one
	edit   uint64
	ended  ended
	fence  chan struct{} // closed when the writer has nothing left, to go back to a splice
	stuck  stuckness
	using  sync.WaitGroup // goroutines that use the sockets
}

func newFlow(l *Link, ctx context.Context, c carry) *flow {
	ctx, cancel := context.WithCancel(ctx)
	f := &flow{link: l, ctx: ctx, cancel: cancel, writer: newWriter(l)}
	f.stuck.tick = time.NewTicker(progressPeriod)
	f.stuck.tick.Stop()
	f.using.Go(func() { f.writer.run(ctx) })
	f.build(items(c.tail), append(c.delayed, items(c.pending)...))
	if c.ended != notEnded {
		f.end(c.ended)
	}
	return f
}

func items(pieces [][]byte) (all []item) {
	now := time.Now()
	for _, p := range pieces {
		all = append(all, chunkItem(&chunk{Data: p, Timestamp: now}))
	}
	return all
}

// cut cuts b into pieces of at most n bytes.
func cut(b []byte, n int) (pieces [][]byte) {
	for len(b) > n {
		pieces, b = append(pieces, b[:n:n]), b[n:]
	}
	if len(b) > 0 {
		pieces = append(pieces, b)
	}
	return pieces
}

// run carries the stream until the connection is over, or until the kernel can
// go on alone; then it returns false.
func (f *flow) run() (outcome Outcome, done bool) {
	defer func() { f.tearDown(done) }()
	for {
		stages, edit := f.link.look()
		if edit != f.edit && !f.rebuild(stages, edit) {
			return f.result(), true
		}
		if outcome, done := f.over(); done {
			return outcome, true
		}
		switch {
		case len(f.joints[0].queue) > 0:
			f.push()
		case f.spliceable():
			if f.flushed() {
				return Stopped, false
			}
		case f.ended == notEnded && !f.link.sparesInput():
			f.fetch()
		default:
			f.wait(nil)
		}
	}
}

// result returns what the writer has to say, or that the context ended.
func (f *flow) result() Outcome {
	select {
	case <-f.writer.over:
		return f.writer.outcome
	default:
		return Stopped
	}
}

// over reports whether the connection is.
func (f *flow) over() (Outcome, bool) {
	select {
	case <-f.writer.over:
		return f.writer.outcome, true
	case <-f.ctx.Done():
		return Stopped, true
	case <-f.link.finished:
		return f.link.afterFIN(f.ctx)
	default:
		if o := Outcome(f.link.overdue.Load()); o != Stopped {
			return o, true
		}
		return Aborted, f.stuck.given
	}
}

// fetch reads one chunk from the source.
func (f *flow) fetch() {
	l := f.link
	if !l.begin(false) {
		return
	}
	b, err := l.read()
	l.end()
	switch {
	case err == nil:
		l.count(int64(len(b)))
		f.joints[0].queue = append(f.joints[0].queue, chunkItem(&chunk{Data: b, Timestamp: time.Now()}))
	case !errors.Is(err, os.ErrDeadlineExceeded):
		f.end(l.classify(err))
	}
}

// end takes note that the source's stream has ended.
func (f *flow) end(e ended) {
	f.ended = e
	if e != endedHere {
		f.joints[0].queue = append(f.joints[0].queue, item{end: true})
	}
	if e == endedByFIN {
		f.using.Go(f.watch)
	}
}

// watch sees the reset of a source whose stream has ended already: a read does
// not tell.
func (f *flow) watch() {
	if sock.AwaitReset(f.ctx, f.link.src.Conn) == nil {
		f.link.src.markReset()
	}
}

// push moves the head of the reader's own joint, or finds something else to do.
func (f *flow) push() {
	j := f.joints[0]
	toStage, toWriter, head, over := j.offer()
	if len(j.queue) == 0 {
		return
	}
	select {
	case toStage <- head.chunk:
		j.passed(head)
		return
	case toWriter <- head:
		j.passed(head)
		return
	default:
	}
	f.watchProgress()
	select {
	case toStage <- head.chunk:
		j.passed(head)
	case toWriter <- head:
		j.passed(head)
	case <-over:
		j.queue = nil
	case <-f.stuck.tick.C:
		f.stuck.look(f.link)
	case <-f.link.changed:
	case <-f.ctx.Done():
	}
}

// wait waits for whatever happens next.
func (f *flow) wait(also <-chan struct{}) {
	f.watchProgress()
	select {
	case <-also:
	case <-f.stuck.tick.C:
		f.stuck.look(f.link)
	case <-f.link.changed:
	case <-f.ctx.Done():
	}
}

// spliceable reports whether the kernel could carry the stream alone.
func (f *flow) spliceable() bool {
	l := f.link
	return len(f.stages) == 0 && l.spliceable() &&
		f.ended == notEnded && !l.src.wasReset() && !f.writer.sealed
}

// flushed waits until the writer has nothing left, or something else happens.
func (f *flow) flushed() bool {
	if f.fence == nil {
		f.fence = make(chan struct{})
		f.joints[0].queue = append(f.joints[0].queue, item{fence: f.fence})
		return false
	}
	f.wait(f.fence)
	select {
	case <-f.fence:
		return !f.link.broken.Load()
	default:
		return false
	}
}

// progressPeriod is how often the progress of a write is looked at.
const progressPeriod = 25 * time.Millisecond

// stuckness sees that a write makes no progress.
type stuckness struct {
	tick  *time.Ticker
	armed bool
	given bool // up
	since time.Time
	sent  int64
	queue int
}

// watchProgress starts to watch the writer once the source was reset: what the
// destination does not take within its patience is lost then, as it is on a wire.
func (f *flow) watchProgress() {
	if !f.stuck.armed && f.link.src.wasReset() {
		f.stuck.armed, f.stuck.since = true, time.Now()
		f.stuck.tick.Reset(progressPeriod)
	}
}

func (s *stuckness) look(l *Link) {
	sent, queue := l.sent.Load(), l.dst.unacked()
	if sent != s.sent || queue != s.queue || !l.inWrite.Load() {
		s.sent, s.queue, s.since = sent, queue, time.Now()
	}
	s.given = time.Since(s.since) >= l.cfg.Patience.Progress
}

// tearDown ends everything that the flow has started. When the link is done, it
// ends the I/O under way too. Afterwards nothing uses the sockets.
func (f *flow) tearDown(done bool) {
	f.stuck.tick.Stop()
	f.cancel()
	if done {
		f.link.stop()
	}
	for _, s := range f.stages {
		f.link.gone.Go(func() { f.bury(s) })
	}
	for _, j := range f.joints[1:] {
		<-j.done
	}
	f.using.Wait()
}

// bury makes a toxic return, or gives it up after a while. What it still sends
// is dropped, however late it comes.
func (f *flow) bury(s *stage) {
	ctx, cancel := context.WithTimeout(context.Background(), f.link.cfg.Patience.Toxic)
	defer cancel()
	dropped := make(chan struct{})
	go func() {
		defer close(dropped)
		s.drop()
	}()
	if s.interrupt(ctx, nil, nil) {
		<-dropped
		return
	}
	f.link.emit(event.Event{Kind: event.Abandon, Toxic: s.asked.Name,
		Detail: "the toxic has not returned within " + f.link.cfg.Patience.Toxic.String()})
}
