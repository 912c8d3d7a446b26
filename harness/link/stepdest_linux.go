package link

import (
	"time"

	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
	"github.com/sockharness/harness/toxics/hook"
)

// stepDest sends what has come through the chain, as far as the destination takes it and
// has read what it is to have read before.
func (l *Link) stepDest(dst int, now time.Time) (made Progress, wrote bool) {
	c := l.steps.chain
	last := len(c.stages)
	for len(c.queues[last]) > 0 {
		head := &c.queues[last][0]
		switch {
		case c.sealed:
			c.queues[last] = nil
			return WouldBlock, true
		case head.end:
			return l.stepVerdict(dst, head.verdict, now), wrote
		case !l.passBoundary(now):
			return WouldBlock, wrote
		}
		at, piece := l.sent.Load(), head.chunk.Data
		if next := l.boundaries.nextAfter(at); next > at && next-at < int64(len(piece)) {
			piece = piece[:next-at]
		}
		n, all := l.stepSend(dst, piece)
		wrote = wrote || n > 0
		if head.bytes -= int64(n); head.bytes == 0 {
			c.queues[last] = c.queues[last][1:]
		} else {
			head.chunk = &chunk{Data: head.chunk.Data[n:], Timestamp: head.chunk.Timestamp}
		}
		if !all {
			return NeedRun, wrote
		}
	}
	return WouldBlock, wrote
}

// passBoundary reports whether what comes next may be sent: the receiver has read
// everything before it, if that ends at a boundary. An event tells whether it is known
// to have, as that of a flow.
func (l *Link) passBoundary(now time.Time) bool {
	w := &l.steps.chain.wait
	if !w.under && !l.beginBoundary(now) {
		return true
	}
	detail, over := l.readDetail(now)
	if !over {
		return false
	}
	*w = destWait{}
	l.emitEvent(event.Event{Kind: event.BoundaryRead, Side: l.dst.Peer, Offset: l.sent.Load(), Detail: detail})
	return true
}

// beginBoundary reports whether there is a boundary to wait at.
func (l *Link) beginBoundary(now time.Time) bool {
	w, at := &l.steps.chain.wait, l.sent.Load()
	for _, offset := range l.boundaries.takeUpTo(at) {
		detail := boundaryMissed
		switch offset {
		case 0:
			detail = "verified"
		case at:
			*w = destWait{under: true, offset: at, until: now.Add(l.cfg.Patience.Boundary)}
			continue
		}
		l.emitEvent(event.Event{Kind: event.BoundaryRead, Side: l.dst.Peer, Offset: offset, Detail: detail})
	}
	return w.under
}

// readDetail reports whether the wait at a boundary is over, and how.
func (l *Link) readDetail(now time.Time) (detail string, over bool) {
	c := l.steps.chain
	w := &c.wait
	if w.detail == "" {
		done, err := l.isConsumed(&w.check)
		switch {
		case err == nil && !done && now.Before(w.until):
			c.noteDue(w.polls.next(now))
			return "", false
		case err == nil && !done:
			return l.boundaryMerged(), true
		}
		var gap bool
		if detail, gap = l.boundaryDetail(err); !gap {
			return detail, true
		}
		w.detail, w.until = detail, now.Add(l.cfg.Patience.Gap)
	}
	if now.Before(w.until) {
		c.noteDue(w.until)
		return "", false
	}
	return w.detail, true
}

// isConsumed asks once whether the destination has read everything that was sent, and
// returns an error when that cannot be known.
func (l *Link) isConsumed(c *sock.ConsumedCheck) (bool, error) {
	if !l.dst.isTCP() {
		left, err := sock.OutQueue(l.dst.Conn)
		return err == nil && left == 0, err
	}
	peer, own, err := l.dst.socketAddrs()
	switch {
	case err != nil:
		return false, err
	case l.cfg.Diag == nil:
		return false, sock.ErrUnsupported
	}
	return c.IsOver(l.cfg.Diag, peer, own, l.dst.rawSent(l.sent.Load()))
}

// stepVerdict ends the stream at the destination.
func (l *Link) stepVerdict(dst int, v *endCause, now time.Time) Progress {
	switch {
	case v == nil && l.src.wasReset():
		l.steps = stepState{edit: l.steps.edit}
		return l.stepReset()
	case v == nil:
		l.steps = stepState{edit: l.steps.edit}
		return l.stepPass()
	case !l.steps.chain.wait.reset && !l.passBoundary(now):
		return WouldBlock
	case v.end == hook.Reset && !l.awaitedConsumed(dst, now):
		return WouldBlock
	}
	kind, made := event.FIN, Closing
	if v.end == hook.Reset {
		kind, made = event.RST, Aborting
	}
	l.emitEvent(event.Event{Kind: kind, Side: event.Proxy, Toxic: v.toxic, Offset: l.sent.Load()})
	l.steps.chain.sealed = true
	if v.end == hook.HalfClose { // what the source still sends is read and dropped
		return l.stepHalfClose()
	}
	return made
}

// awaitedConsumed reports whether the destination may be reset: it has read everything,
// or, where nobody can tell, its kernel has it at least; or it was given enough time.
func (l *Link) awaitedConsumed(dst int, now time.Time) bool {
	c := l.steps.chain
	w := &c.wait
	if !w.under {
		*w = destWait{under: true, reset: true, until: now.Add(l.cfg.Patience.Consume)}
		l.steps.unacked, l.steps.progress = -1, time.Time{}
	}
	done, err := l.isConsumed(&w.check)
	if done || !now.Before(w.until) || err != nil && l.ResetDue(dst) {
		*w = destWait{}
		return true
	}
	c.noteDue(w.polls.next(now))
	return false
}
