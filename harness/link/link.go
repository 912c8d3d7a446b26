// Package link carries one direction of one proxied connection: bytes from a
// source socket to a destination socket, through a chain of toxics that may
// change while the stream flows, up to the end of the stream, which is passed
// on as what it was: FIN as FIN, reset as reset.
//
//	up := link.New(link.Config{Direction: event.Upstream, Conn: 1, Source: client, Dest: server, Pool: pool}, stages)
//	down := link.New(link.Config{Direction: event.Downstream, Conn: 1, Source: server, Dest: client, Pool: pool}, nil)
//	link.Join(up, down)
//	go up.RunStream(ctx)
//	outcome := down.RunStream(ctx)
//
// Without toxics the bytes go through one large buffer, or stay in the kernel (splice).
// With toxics the stream is cut into chunks, one per read:
//
//	source ▸ reader ▸ stage ▸ joint ▸ stage ▸ joint ▸ writer ▸ destination
//
// A stage is one toxic at work, in a goroutine of its own. A joint stands behind
// every stage and holds at most one chunk, so that a slow destination slows the
// source down; while a stage has to stop, the joint behind it takes everything,
// so that no toxic is ever stuck in a send, however slow the destination is.
// The reader is also the one who rebuilds the chain: whatever it reads after
// [Link.UpdateChain] has returned goes through the new chain.
package link

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// Conn is a stream socket that can be closed for writing alone, such as
// [*net.TCPConn] and [*net.UnixConn].
type Conn = sock.Conn

// A Link carries one direction of one connection. Create it with [New], join it
// with that of the other direction by [Join], then call [Link.RunStream] once.
type Link struct {
	cfg      Config
	src, dst *Side
	opposite *Link

	received atomic.Int64 // bytes read from the source
	reads    atomic.Int64 // in so many reads
	sent     atomic.Int64 // bytes taken by the destination's kernel
	direct   atomic.Int64 // those of them that were not cut into chunks
	edits    atomic.Uint64
	inWrite  atomic.Bool    // the writer is inside a write
	carried  latch          // set when the first byte was read from the source
	finished latch          // set when FIN was sent to the destination
	wg       sync.WaitGroup // toxics, joints and watchers

	parking atomic.Pointer[func()] // see Park

	pending handoff   // what the last step has left to Run
	eofSent bool      // a step has passed on the end of the stream
	steps   stepState // what steps carry by

	reportedTo int64        // stream offset up to which Bytes events were made
	noSplice   bool         // there is none, or the kernel has refused one, once is enough
	broken     atomic.Bool  // the destination takes nothing any more
	overdue    atomic.Int32 // the Outcome that a toxic wants, when what comes before it is stuck

	boundaries boundaries

	mu       sync.Mutex // guards what follows; never held during I/O
	desired  []Stage
	woken    bool          // something for the reader to look at
	changed  chan struct{} // wakes a reader that is not reading; capacity 1; nil before Run
	reading  bool          // the source's read deadline may be used to wake the reader
	splicing bool          // so may the destination's write deadline
	stopped  bool          // the deadlines stay in the past
	released bool          // the deadlines are others'
	active   []string      // names of the stages at work
	toxic    bool          // there was a toxic once
}

// New returns a link that is not running, with the given chain.
func New(cfg Config, stages []Stage) *Link {
	patience := Timeouts{}
	if cfg.Patience != nil {
		patience = *cfg.Patience
	}
	patience = patience.WithDefaults()
	cfg.Patience = &patience
	l := new(Link)
	l.Begin(cfg, stages)
	return l
}

// Begin makes a zero Link what [New] returns, for an owner that has its links in itself.
// The patience must be there, with the defaults.
func (l *Link) Begin(cfg Config, stages []Stage) {
	l.cfg, l.src, l.dst, l.noSplice = cfg, cfg.Source, cfg.Dest, isWrapped(cfg.Source.Conn) || isWrapped(cfg.Dest.Conn)
	l.UpdateChain(stages)
	l.src.link = l
}

// noteReset is called once the source was reset.
func (l *Link) noteReset() {
	l.recordEnd(event.RST)
	l.emitEvent(event.Event{Kind: event.RST, Side: l.src.Peer, Offset: l.received.Load()})
	l.wakeReader()
}

// Join makes two links the two directions of one connection. It must be called
// before either runs.
func Join(a, b *Link) { a.opposite, b.opposite = b, a }

// noteReceived keeps that n bytes were read from the source.
func (l *Link) noteReceived(n int64) {
	l.reads.Add(1)
	if n > 0 && l.received.Add(n) == n {
		l.carried.setOnce()
	}
}

// ReceivedBytes returns how many bytes were read from the source so far.
func (l *Link) ReceivedBytes() int64 { return l.received.Load() }

// SentBytes returns how many bytes the destination's kernel has taken so far.
func (l *Link) SentBytes() int64 { return l.sent.Load() }

// IsBroken reports whether the destination takes nothing any more.
func (l *Link) IsBroken() bool { return l.broken.Load() }

// DirectBytes returns how many of the sent bytes were not cut into chunks, as toxics
// need them.
func (l *Link) DirectBytes() int64 { return l.direct.Load() }

// ActiveToxics returns the names of the toxics at work, in order of the chain.
func (l *Link) ActiveToxics() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active
}

// HadToxics reports whether the chain has had a toxic at any time.
func (l *Link) HadToxics() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.toxic
}

func (l *Link) emitEvent(e event.Event) {
	e.Conn, e.Direction = l.cfg.Conn, l.cfg.Direction
	l.cfg.Owner.EmitEvent(e)
}

// emitBytes reports that the bytes up to the given stream offset are on their
// way to the destination. It comes before the write, so that the events of a
// request come before those of the reply.
func (l *Link) emitBytes(end int64) {
	if end > l.reportedTo {
		l.cfg.Owner.NoteBytes(event.Event{Kind: event.Bytes, Conn: l.cfg.Conn, Direction: l.cfg.Direction,
			Side: l.src.Peer, Offset: l.reportedTo, Bytes: end - l.reportedTo})
		l.reportedTo = end
	}
}

// RunStream carries the stream until it has ended, or the context does, and says how
// it ended. When it returns nothing of the link touches the sockets any more;
// toxics may still be on their way out, see [Link.WaitGoroutines].
func (l *Link) RunStream(ctx context.Context) Outcome {
	l.beginWaiting()
	expired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(expired)
		l.stopIO()
	})
	defer func() {
		if !stop() {
			<-expired
		}
		l.releaseDeadlines()
	}()
	if l.eofSent {
		l.cfg.Owner.NoteFinish(l.cfg.Direction, true)
		return l.awaitPeerEnd(ctx)
	}
	for ctx.Err() == nil {
		if refuse := l.takeParking(); refuse != nil {
			if !l.pending.useChain {
				return Parked
			}
			(*refuse)()
		}
		if outcome, done := l.carryStream(ctx); done {
			return outcome
		}
	}
	return Stopped
}

// carryStream carries the stream, by the kernel or through this process, until the
// other one of the two has to go on.
func (l *Link) carryStream(ctx context.Context) (o Outcome, done bool) {
	from := l.pending
	l.pending = handoff{}
	if l.steps.chain != nil {
		return l.resumeChain(ctx).runFlow()
	}
	switch {
	case l.steps.delays != nil:
		from = l.resumeHeld(ctx, from)
	case !from.useChain:
		from = l.spliceOrDelay(ctx, from)
	}
	if from.isUnseen() {
		from = l.spliceOrDelay(ctx, from)
	}
	switch {
	case !from.useChain:
		return Stopped, false
	case from.endsHere():
		return l.propagateEnd(ctx, from.ended)
	}
	return newFlow(l, ctx, l.takeFromPipe(from)).runFlow()
}

// spliceOrDelay carries the stream without cutting it into chunks, as long as that can
// be. Before is what comes first.
func (l *Link) spliceOrDelay(ctx context.Context, before handoff) handoff {
	stages, edit := l.wantedChain()
	if d, ok := l.delaysOf(stages); ok {
		return l.delayStream(ctx, stages, d, edit, before)
	}
	if len(stages) == 0 && l.canSplice() && !before.isUnseen() {
		return l.spliceStream(edit)
	}
	before.useChain = true
	return before
}

// WaitGoroutines blocks until every goroutine of the link has ended. A toxic that does
// not return within its patience after Run has returned is reported by an event
// and left behind.
func (l *Link) WaitGoroutines() { l.wg.Wait() }
