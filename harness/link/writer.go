package link

import (
	"context"
	"errors"
	"net"
	"os"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/toxics/hook"
)

// A writer sends what leaves the chain to the destination, one chunk per write,
// and ends the stream there.
type writer struct {
	link    *Link
	in      chan item
	over    chan struct{} // closed when the connection is over by this link's doing
	outcome Outcome       // set before over is closed

	// The joint before the writer owns these.
	taken  int64 // stream offset behind what was sent into it
	sealed bool  // the end of the stream was sent into it
}

func newWriter(l *Link) *writer {
	return &writer{link: l, in: make(chan item), over: make(chan struct{}), taken: l.sent.Load()}
}

// runWriter writes until the context ends.
func (w *writer) runWriter(ctx context.Context) {
	for {
		select {
		case i := <-w.in:
			w.putItem(ctx, i)
		case <-ctx.Done():
			return
		}
	}
}

func (w *writer) putItem(ctx context.Context, i item) {
	switch {
	case i.fence != nil:
		close(i.fence)
	case i.end:
		w.finishStream(ctx, i.verdict)
	case !w.link.broken.Load():
		w.writeBytes(ctx, i.chunk.Data)
	}
}

// writeBytes sends p, cut at the boundaries that were asked for.
func (w *writer) writeBytes(ctx context.Context, p []byte) {
	l := w.link
	for len(p) > 0 && !l.broken.Load() && ctx.Err() == nil {
		at := l.sent.Load()
		w.awaitBoundary(ctx, at)
		piece := p
		if next := l.boundaries.nextAfter(at); next > at && next-at < int64(len(p)) {
			piece = p[:next-at]
		}
		l.emitBytes(at + int64(len(piece)))
		l.cfg.Tap.recordBytes(piece)
		l.inWrite.Store(true)
		start := l.sendTime()
		n, err := l.dst.Conn.Write(piece)
		l.inWrite.Store(false)
		l.cfg.Tap.takeBack(len(piece) - n)
		l.recordSent(start, piece[:n])
		l.sent.Add(int64(n))
		p = p[n:]
		if err != nil {
			w.noteBroken(ctx, err)
		}
	}
}

// noteBroken keeps that the destination is broken, unless the write was ended by us.
func (w *writer) noteBroken(ctx context.Context, err error) {
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
		return
	}
	w.link.markBroken(err)
}

// finishStream ends the stream at the destination.
func (w *writer) finishStream(ctx context.Context, v *endCause) {
	l := w.link
	if v != nil {
		w.awaitBoundary(ctx, l.sent.Load())
	}
	switch {
	case v == nil && l.src.wasReset():
		l.awaitDelivered(ctx)
		w.endWith(Aborted)
	case v == nil && l.broken.Load():
		// The reset is on its way through the other link.
	case v == nil:
		w.sendFIN(ctx)
	case v.end == hook.HalfClose:
		l.emitEvent(event.Event{Kind: event.FIN, Side: event.Proxy, Toxic: v.toxic, Offset: l.sent.Load()})
		w.sendFIN(ctx)
	case v.end == hook.Reset:
		l.awaitConsumed(ctx)
		l.emitEvent(event.Event{Kind: event.RST, Side: event.Proxy, Toxic: v.toxic, Offset: l.sent.Load()})
		w.endWith(Aborted)
	default:
		l.emitEvent(event.Event{Kind: event.FIN, Side: event.Proxy, Toxic: v.toxic, Offset: l.sent.Load()})
		w.endWith(Close)
	}
}

func (w *writer) sendFIN(ctx context.Context) {
	l := w.link
	if err := l.finishDest(); err != nil {
		w.noteBroken(ctx, err)
		return
	}
	l.noteFinished()
	l.wakeReader()
}

func (w *writer) endWith(o Outcome) {
	w.outcome = o
	close(w.over)
	w.link.wakeReader()
}
