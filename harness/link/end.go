package link

import (
	"context"
	"errors"
	"os"

	"github.com/sockharness/harness/harness/sock"
)

// propagateEnd hands the end of a stream on that the kernel has carried, and needs
// nobody else for it. It is over only when the connection is.
func (l *Link) propagateEnd(ctx context.Context, e ended) (Outcome, bool) {
	if e == endedByReset {
		l.awaitDelivered(ctx)
		return Aborted, true
	}
	// Of a destination that is broken, the reset is on its way through the other link.
	if !l.broken.Load() {
		if err := l.finishDest(); err != nil {
			l.markBroken(err)
		} else {
			l.noteFinished()
		}
	}
	return l.awaitPeerEnd(ctx), true
}

// finishDest sends FIN to the destination.
func (l *Link) finishDest() error {
	l.announceFinish()
	start := l.sendTime()
	err := l.dst.CloseWrite()
	if err == nil {
		l.recordFIN(start)
	}
	return err
}

// announceFinish tells that FIN is about to be sent to the destination.
func (l *Link) announceFinish() {
	l.cfg.Owner.NoteFinish(l.cfg.Direction, false)
}

// noteFinished keeps that FIN was sent to the destination.
func (l *Link) noteFinished() {
	l.finished.setOnce()
	l.cfg.Owner.NoteFinish(l.cfg.Direction, true)
	if l.opposite != nil {
		l.opposite.wakeReader()
	}
}

// afterFIN reports what becomes of a link that has nothing left to send: it
// stays, to pass on a reset that comes later, until the other direction has
// ended too.
func (l *Link) afterFIN(ctx context.Context) (Outcome, bool) {
	if l.src.wasReset() {
		l.awaitDelivered(ctx)
		return Aborted, true
	}
	if l.opposite == nil {
		return Ended, true
	}
	if l.opposite.finished.isSet() {
		return Ended, true
	}
	return Stopped, false
}

// awaitPeerEnd stays behind the end of the stream until the connection is over.
func (l *Link) awaitPeerEnd(ctx context.Context) Outcome {
	watched := true
	for ctx.Err() == nil {
		stages, _ := l.wantedChain()
		l.setActive(stages)
		if l.finished.isSet() {
			if outcome, done := l.afterFIN(ctx); done {
				return outcome
			}
		} else if l.src.wasReset() {
			l.awaitDelivered(ctx)
			return Aborted
		}
		if watched {
			watched = l.watchReset()
			continue
		}
		select {
		case <-l.changed:
		case <-ctx.Done():
		}
	}
	return Stopped
}

// watchReset waits for the reset of a source whose stream has ended already, of which
// a read does not tell. It returns false when none can come any more.
func (l *Link) watchReset() bool {
	if !l.beginRead(false) {
		return true
	}
	err := sock.WatchReset(l.src.Conn)
	l.endRead()
	if err == nil {
		l.src.markReset()
	}
	return err == nil || errors.Is(err, os.ErrDeadlineExceeded)
}
