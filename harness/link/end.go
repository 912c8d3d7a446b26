package link

import (
	"context"
	"errors"
	"os"

	"github.com/sockharness/harness/harness/sock"
)

// pass hands the end of a stream on that the kernel has carried, and needs
// nobody else for it. It is over only when the connection is.
func (l *Link) pass(ctx context.Context, e ended) (Outcome, bool) {
	if e == endedByReset {
		l.awaitDelivered(ctx)
		return Aborted, true
	}
	// Of a destination that is broken, the reset is on its way through the other link.
	if !l.broken.Load() {
		if err := l.dst.CloseWrite(); err != nil {
			l.breakOff(err)
		} else {
			l.finish()
		}
	}
	return l.linger(ctx), true
}

// finish keeps that FIN was sent to the destination.
func (l *Link) finish() {
	close(l.finished)
	if l.cfg.Finished != nil {
		l.cfg.Finished()
	}
	if l.opposite != nil {
		l.opposite.wake()
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
	select {
	case <-l.opposite.finished:
		return Ended, true
	default:
		return Stopped, false
	}
}

// linger stays behind the end of the stream until the connection is over.
func (l *Link) linger(ctx context.Context) Outcome {
	watched := true
	for ctx.Err() == nil {
		stages, _ := l.look()
		l.setActive(stages)
		select {
		case <-l.finished:
			if outcome, done := l.afterFIN(ctx); done {
				return outcome
			}
		default:
			if l.src.wasReset() {
				l.awaitDelivered(ctx)
				return Aborted
			}
		}
		if watched {
			watched = l.watch()
			continue
		}
		select {
		case <-l.changed:
		case <-ctx.Done():
		}
	}
	return Stopped
}

// watch waits for the reset of a source whose stream has ended already, of which
// a read does not tell. It returns false when none can come any more.
func (l *Link) watch() bool {
	if !l.begin(false) {
		return true
	}
	err := sock.WatchReset(l.src.Conn)
	l.end()
	if err == nil {
		l.src.markReset()
	}
	return err == nil || errors.Is(err, os.ErrDeadlineExceeded)
}
