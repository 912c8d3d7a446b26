package link

import (
	"bytes"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/eintr"
	"github.com/sockharness/harness/harness/event"
	"github.com/sockharness/harness/harness/sock"
)

// A Progress says how a link stands after a [Link.StepOnce].
type Progress uint8

// What comes of a step.
const (
	WouldBlock Progress = iota // the source has nothing more for now
	More                       // it may have, and more than a step moves: Run is better at that
	Finished                   // its stream has ended and FIN was sent, or is to be by a close if the other one had ended before
	NeedRun                    // Run has to go on: with a toxic, a destination that takes no more
	Resetting                  // the source was reset: so are both sides to be, once ResetDue says so
	Aborting                   // a toxic has ended the connection by a reset: the outcome is Aborted
	Closing                    // a toxic has ended the connection in order: the outcome is Close
)

// StepOnce carries what the source has at the moment, up to the length of buf, without
// a goroutine and without blocking, for as long as all toxics can step and all goes
// well. What is not due it holds, see [Link.NextDue]. Src and dst are
// the descriptors of the sides; more says that the end of the stream may be behind
// what is there. It is for a caller who waits for many sources at once, and must not
// be called together with Run or with another Step of the same connection, nor after
// [Link.StepsEnded]. [Link.RunStream] may be called at any time after it and goes on where the
// last step has ended.
func (l *Link) StepOnce(src, dst int, buf []byte, more bool) Progress {
	for !l.eofSent && l.CanStep() {
		if c := l.steps.chain; c != nil && c.isFull() {
			if c.paused = true; c.wide {
				return NeedRun
			}
			return WouldBlock
		}
		n, err := eintr.Retry(func() (int, error) { return sock.ReadNoWait(src, buf) })
		switch {
		case err == unix.EAGAIN:
			return WouldBlock
		case err != nil:
			return l.stepError(err, dst)
		case n == 0 && l.src.wasReset():
			return l.stepEndBy(endedByReset, dst)
		case n == 0:
			return l.stepEnd(dst)
		}
		l.recordReceived(buf[:n])
		l.noteReceived(int64(n))
		if made := l.stepOn(dst, buf[:n]); made != WouldBlock {
			return made
		}
		switch {
		case n == len(buf):
			return More
		case !more:
			return WouldBlock
		}
	}
	return NeedRun
}

// StepsEnded reports whether a step has come to the end of the stream. The rules of
// [Link.StepOnce] hold for it.
func (l *Link) StepsEnded() bool {
	c := l.steps.chain
	return l.eofSent || l.steps.ended != notEnded || c != nil && c.ended != notEnded
}

// stepOn passes on what was read, or holds it.
func (l *Link) stepOn(dst int, p []byte) Progress {
	can := len(l.steps.queue) > 0 || l.CanStep()
	if c := l.steps.chain; c != nil {
		if c.push(p); !can {
			return NeedRun
		}
		return l.runChain(dst)
	}
	if !can {
		l.steps = stepState{}
		l.pending = handoff{useChain: true, pending: cutPieces(bytes.Clone(p), chunkSize)}
		return NeedRun
	}
	if l.steps.delays != nil {
		if !l.stepHold(p) || !l.stepRelease(dst) {
			return NeedRun
		}
		return WouldBlock
	}
	if n, ok := l.stepWrite(dst, p); !ok {
		l.pending = handoff{useChain: true, tail: cutPieces(bytes.Clone(p[n:]), chunkSize)}
		return NeedRun
	}
	return WouldBlock
}

// stepWrite sends what was not cut into chunks: see stepSend.
func (l *Link) stepWrite(dst int, p []byte) (n int, ok bool) {
	n, ok = l.stepSend(dst, p)
	l.direct.Add(int64(n))
	return n, ok
}

// stepSend returns how much the destination has taken, and whether that is all.
func (l *Link) stepSend(dst int, p []byte) (n int, ok bool) {
	l.emitBytes(l.sent.Load() + int64(len(p)))
	l.cfg.Tap.recordBytes(p)
	start := l.sendTime()
	n, err := eintr.Retry(func() (int, error) { return sock.WriteNoWait(dst, p) })
	n = max(n, 0)
	l.cfg.Tap.takeBack(len(p) - n)
	l.recordSent(start, p[:n])
	l.sent.Add(int64(n))
	if err != nil && err != unix.EAGAIN {
		l.markBroken(os.NewSyscallError("write", err))
	}
	return n, n == len(p)
}

// stepHold keeps what was read until it is due. It returns false when that is not for
// a step to do.
func (l *Link) stepHold(p []byte) bool {
	s := segment{data: bytes.Clone(p), n: len(p), offset: l.received.Load() - int64(len(p)), at: time.Now()}
	s.late = l.edits.Load() != l.steps.edit
	s.due = l.steps.delays.dueAt(s.at, s.offset)
	l.steps.queue = append(l.steps.queue, s)
	l.steps.held += len(p)
	return !s.late && l.steps.held < stepLimit
}

// NextDue returns when the first of what steps hold is to be sent, by [Link.ReleaseDue],
// and false when they hold nothing.
func (l *Link) NextDue() (at time.Time, held bool) {
	if c := l.steps.chain; c != nil {
		return c.due, !c.due.IsZero()
	}
	if len(l.steps.queue) == 0 {
		return at, false
	}
	return l.steps.queue[0].due, true
}

// ReleaseDue sends what is due of what steps hold, and behind the last of it the end of
// the stream, if that has come. The rules of [Link.StepOnce] hold for it.
func (l *Link) ReleaseDue(dst int) Progress {
	switch {
	case l.eofSent:
		return WouldBlock
	case l.CanStep() && l.steps.chain != nil:
		return l.runChain(dst)
	case !l.CanStep() || !l.stepRelease(dst):
		return NeedRun
	case len(l.steps.queue) > 0 || l.steps.ended == notEnded:
		return WouldBlock
	case l.steps.ended == endedByReset:
		return l.stepReset()
	}
	return l.stepPass()
}

// stepRelease returns false when the destination does not take what is due.
func (l *Link) stepRelease(dst int) bool {
	now := time.Now()
	for len(l.steps.queue) > 0 {
		s := &l.steps.queue[0]
		if s.due.After(now) {
			return true
		}
		n, all := l.stepWrite(dst, s.data)
		l.steps.held -= n
		if !all {
			*s = s.trimmedBy(n)
			return false
		}
		l.steps.queue = l.steps.queue[1:]
	}
	l.steps.queue = nil
	return true
}

// stepEnd takes note of the end of the stream. No write of a step to the source has
// failed before, so that it hides no reset.
func (l *Link) stepEnd(dst int) Progress {
	if !l.CanStep() {
		return NeedRun // Run reads it again
	}
	l.src.markEOF()
	l.recordEnd(event.FIN)
	l.emitEvent(event.Event{Kind: event.FIN, Side: l.src.Peer, Offset: l.received.Load()})
	return l.stepEndBy(endedByFIN, dst)
}

// stepEndBy passes the end of the stream on, behind what is held.
func (l *Link) stepEndBy(how ended, dst int) Progress {
	c := l.steps.chain
	switch {
	case c != nil && c.sealed && how == endedByReset:
		return l.stepReset()
	case c != nil:
		c.noteEnd(how)
		return l.runChain(dst)
	case len(l.steps.queue) > 0:
		l.steps.ended = how
		return WouldBlock
	case how == endedByReset:
		return l.stepReset()
	}
	return l.stepPass()
}

// stepPass passes the end of the stream on.
func (l *Link) stepPass() Progress {
	l.eofSent = true
	if !l.opposite.eofSent {
		return l.stepHalfClose()
	}
	l.announceFinish()
	return l.stepFinished()
}

// stepHalfClose sends the FIN to the destination.
func (l *Link) stepHalfClose() Progress {
	if err := l.finishDest(); err != nil {
		l.markBroken(err)
		return NeedRun
	}
	return l.stepFinished()
}

func (l *Link) stepFinished() Progress {
	l.noteFinished()
	if l.src.wasReset() {
		return l.stepReset()
	}
	return Finished
}
