// Package link carries one direction of one proxied connection: bytes from a
// source socket to a destination socket, through a chain of toxics that may
// change while the stream flows, up to the end of the stream, which is passed
// on as what it was: FIN as FIN, reset as reset.
//
// Without toxics the kernel carries the bytes (splice). With toxics the stream
// is cut into chunks, one per read:
//
//	source ▸ reader ▸ stage ▸ joint ▸ stage ▸ joint ▸ writer ▸ destination
//
// A stage is one toxic at work, in a goroutine of its own. A joint stands behind
// every stage and holds at most one chunk, so that a slow destination slows the
// source down; while a stage has to stop, the joint behind it takes everything,
// so that no toxic is ever stuck in a send, however slow the destination is.
// The reader is also the one who rebuilds the chain: whatever it reads after
// [Link.Update] has returned goes through the new chain.
package link

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Shopify/toxiproxy/v2/toxics"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/harness/wire"
)

// Conn is a stream socket that can be closed for writing alone, such as
// [*net.TCPConn] and [*net.UnixConn].
type Conn = sock.Conn

// An Attacher is a toxic that needs more of a link than its chunks. The link
// calls Attach once for each connection and runs what it returns, again and
// again over the interruptions by which chains are edited.
type Attacher interface {
	toxics.Toxic
	Attach(wire.Wire) toxics.Toxic
}

// A Stage is a toxic as it is asked for. Two stages are the same one, across an
// update, when name, type of toxic and buffer size are equal; then its stub,
// with the toxic's state and the chunks in its buffer, is kept.
type Stage struct {
	Name       string
	Toxic      toxics.Toxic
	BufferSize int // capacity of the toxic's input, in chunks
}

// Config says what a link is made of. It must not be modified after [New].
type Config struct {
	Direction event.Direction
	Conn      uint64 // number of the connection on its proxy, from 1
	Source    *Side
	Dest      *Side
	Pool      *Pool

	Emit     event.Sink                       // takes every event but Bytes
	Bytes    event.Sink                       // takes the Bytes events; nil: none are made
	Happened func(event.Kind) <-chan struct{} // serves [wire.Wire]; nil: nothing ever happens
	Shared   func(any, func() any) any        // serves [wire.Meeting]; nil: the toxics do not know of each other
	Rand     func(toxic string) *rand.Rand    // serves [wire.Wire]; nil: seed 0
	Diag     *sock.Diag                       // asks the kernel about the peers; nil: it cannot tell
	Tap      *Tap                             // records what is sent; forces the copying path
	Finished func()                           // called once FIN was sent to the destination; nil: nobody asks. Must not block
	Patience Patience
}

// Patience bounds the waits of a link. Zero takes the default.
type Patience struct {
	Boundary time.Duration // for the receiver to read up to a boundary; 2 s
	Gap      time.Duration // instead of it, where nobody can tell what the receiver read; 20 ms
	Consume  time.Duration // for the receiver to read everything before it is reset; 2 s
	Progress time.Duration // without any progress of a stream that ends; 250 ms
	Toxic    time.Duration // for a toxic to return when the connection is torn down; 5 s
}

func (p Patience) withDefaults() Patience {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&p.Boundary, 2 * time.Second}, {&p.Gap, 20 * time.Millisecond}, {&p.Consume, 2 * time.Second},
		{&p.Progress, 250 * time.Millisecond}, {&p.Toxic, 5 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return p
}

// A Link carries one direction of one connection. Create it with [New], join it
// with that of the other direction by [Join], then call [Link.Run] once.
type Link struct {
	cfg      Config
	src, dst *Side
	opposite *Link

	received atomic.Int64 // bytes read from the source
	sent     atomic.Int64 // bytes taken by the destination's kernel
	spliced  atomic.Int64 // those of them which never entered this process
	edits    atomic.Uint64
	inWrite  atomic.Bool    // the writer is inside a write
	carried  chan struct{}  // closed when the first byte was read from the source
	finished chan struct{}  // closed when FIN was sent to the destination
	gone     sync.WaitGroup // toxics, joints and watchers

	begun  carry    // what the last step has left to Run
	passed bool     // a step has passed on the end of the stream
	steps  stepping // what steps carry by

	told     int64        // stream offset up to which Bytes events were made
	noSplice bool         // there is none, or the kernel has refused one, once is enough
	broken   atomic.Bool  // the destination takes nothing any more
	overdue  atomic.Int32 // the Outcome that a toxic wants, when what comes before it is stuck

	boundaries boundaries

	mu       sync.Mutex // guards what follows; never held during I/O
	desired  []Stage
	woken    bool          // something for the reader to look at
	changed  chan struct{} // wakes a reader that is not reading; capacity 1
	reading  bool          // the source's read deadline may be used to wake the reader
	splicing bool          // so may the destination's write deadline
	stopped  bool          // the deadlines stay in the past
	released bool          // the deadlines are others'
	active   []string      // names of the stages at work
}

// New returns a link that is not running, with the given chain.
func New(cfg Config, stages []Stage) *Link {
	cfg.Patience = cfg.Patience.withDefaults()
	if cfg.Happened == nil {
		cfg.Happened = func(event.Kind) <-chan struct{} { return nil }
	}
	if cfg.Rand == nil {
		cfg.Rand = func(string) *rand.Rand { return rand.New(rand.NewPCG(0, 0)) }
	}
	l := &Link{cfg: cfg, src: cfg.Source, dst: cfg.Dest, carried: make(chan struct{}),
		finished: make(chan struct{}), changed: make(chan struct{}, 1), noSplice: isLayer(cfg.Source.Conn) || isLayer(cfg.Dest.Conn)}
	l.Update(stages)
	l.src.onReset(func() {
		l.emit(event.Event{Kind: event.RST, Side: l.src.Who, Offset: l.received.Load()})
		l.wake()
	})
	return l
}

// Join makes two links the two directions of one connection. It must be called
// before either runs.
func Join(a, b *Link) { a.opposite, b.opposite = b, a }

// count keeps that n bytes were read from the source.
func (l *Link) count(n int64) {
	if n > 0 && l.received.Add(n) == n {
		close(l.carried)
	}
}

// Received returns how many bytes were read from the source so far.
func (l *Link) Received() int64 { return l.received.Load() }

// Sent returns how many bytes the destination's kernel has taken so far.
func (l *Link) Sent() int64 { return l.sent.Load() }

// Spliced returns how many of the sent bytes the kernel carried without a copy
// through this process.
func (l *Link) Spliced() int64 { return l.spliced.Load() }

// Active returns the names of the toxics at work, in order of the chain.
func (l *Link) Active() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active
}

// Update replaces the chain. It does not block. Every byte that is read from
// the source after it has returned goes through the new chain; what was read
// before is neither lost nor reordered; most of it skips the toxics that are new.
func (l *Link) Update(stages []Stage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.desired = append([]Stage(nil), stages...)
	l.edits.Add(1)
	l.wakeLocked()
}

// wake makes the reader look around, wherever it waits.
func (l *Link) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wakeLocked()
}

func (l *Link) wakeLocked() {
	l.woken = true
	select {
	case l.changed <- struct{}{}:
	default:
	}
	l.expireLocked()
}

// expireLocked ends the I/O under way by deadlines in the past. The pipe of a
// splice keeps its bytes, and the reader takes them out.
func (l *Link) expireLocked() {
	if l.released {
		return
	}
	if l.reading || l.stopped {
		_ = l.src.Conn.SetReadDeadline(past)
	}
	if l.splicing || l.stopped {
		_ = l.dst.Conn.SetWriteDeadline(past)
	}
}

// stop ends all I/O of the link for good.
func (l *Link) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	l.wakeLocked()
}

// begin says that the reader is about to read from the source, and in a splice
// to write to the destination. It returns false when there is something to look
// at first.
func (l *Link) begin(splicing bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.woken || l.stopped {
		return false
	}
	l.reading, l.splicing = true, splicing
	return true
}

// expireWrite ends a write to the destination that is under way.
func (l *Link) expireWrite() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.released {
		_ = l.dst.Conn.SetWriteDeadline(past)
	}
}

// restoreWrite makes writes to the destination possible again.
func (l *Link) restoreWrite() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		_ = l.dst.Conn.SetWriteDeadline(time.Time{})
	}
}

// end says that the reader has left its I/O, and makes the deadlines good again.
func (l *Link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.woken && !l.stopped {
		_ = l.src.Conn.SetReadDeadline(time.Time{})
		if l.splicing {
			_ = l.dst.Conn.SetWriteDeadline(time.Time{})
		}
	}
	l.reading, l.splicing = false, false
}

// look returns the chain as it is wanted now and forgets that the reader was
// woken.
func (l *Link) look() (stages []Stage, edit uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.woken = false
	select {
	case <-l.changed:
	default:
	}
	return l.desired, l.edits.Load()
}

func (l *Link) emit(e event.Event) {
	e.Conn, e.Direction = l.cfg.Conn, l.cfg.Direction
	l.cfg.Emit.Emit(e)
}

// emitBytes reports that the bytes up to the given stream offset are on their
// way to the destination. It comes before the write, so that the events of a
// request come before those of the reply.
func (l *Link) emitBytes(end int64) {
	if l.cfg.Bytes != nil && end > l.told {
		l.cfg.Bytes(event.Event{Kind: event.Bytes, Conn: l.cfg.Conn, Direction: l.cfg.Direction,
			Side: l.src.Who, Offset: l.told, Bytes: end - l.told})
		l.told = end
	}
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// Run carries the stream until it has ended, or the context does, and says how
// it ended. When it returns nothing of the link touches the sockets any more;
// toxics may still be on their way out, see [Link.Wait].
func (l *Link) Run(ctx context.Context) Outcome {
	expired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(expired)
		l.stop()
	})
	defer func() {
		if !stop() {
			<-expired
		}
		l.release()
	}()
	if l.passed {
		if l.cfg.Finished != nil {
			l.cfg.Finished()
		}
		return l.linger(ctx)
	}
	for ctx.Err() == nil {
		if outcome, done := l.carry(ctx); done {
			return outcome
		}
	}
	return Stopped
}

// carry carries the stream, by the kernel or through this process, until the
// other one of the two has to go on.
func (l *Link) carry(ctx context.Context) (o Outcome, done bool) {
	from := l.begun
	l.begun = carry{}
	switch {
	case l.steps.delays != nil:
		from = l.resume(ctx, from)
	case !from.toChain:
		from = l.spliceOrDelay(ctx, nil)
	}
	if from.pipe != nil {
		from = l.spliceOrDelay(ctx, from.pipe)
	}
	switch {
	case !from.toChain:
		return Stopped, false
	case from.endsHere():
		return l.pass(ctx, from.ended)
	}
	return newFlow(l, ctx, l.unpipe(from)).run()
}

// spliceOrDelay has the kernel carry the stream as long as it can. Before is a
// pipe with what comes first, or nil.
func (l *Link) spliceOrDelay(ctx context.Context, before *pipe) carry {
	stages, edit := l.look()
	if d, ok := l.delaysOf(stages); ok {
		return l.delay(ctx, stages, d, edit, before)
	}
	if len(stages) == 0 && l.spliceable() && before == nil {
		return l.splice(edit)
	}
	return carry{toChain: true, pipe: before}
}

// release leaves the deadlines of the sockets to others.
func (l *Link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.released = true
}

// Wait blocks until every goroutine of the link has ended. A toxic that does
// not return within its patience after Run has returned is reported by an event
// and left behind.
func (l *Link) Wait() { l.gone.Wait() }
