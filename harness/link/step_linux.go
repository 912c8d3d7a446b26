package link

import (
	"bytes"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/event"
)

// A Progress says how a link stands after a [Link.Step].
type Progress uint8

// What comes of a step.
const (
	Drained  Progress = iota // the source has nothing more for now
	Plenty                   // it may have, and more than a step moves: Run is better at that
	Finished                 // its stream has ended and FIN was sent, or is to be by a close if the other one had ended before
	Beyond                   // Run has to go on: with a toxic, a reset, a destination that takes no more
)

// stepLimit is how many bytes a step holds at most until they are due.
const stepLimit = 64 << 10

// Step carries what the source has at the moment, up to the length of buf, without
// a goroutine and without blocking, for as long as there is no toxic but delays and
// all goes well. What is to be delayed it holds, see [Link.Due]. Src and dst are
// the descriptors of the sides; more says that the end of the stream may be behind
// what is there. It is for a caller who waits for many sources at once, and must not
// be called together with Run or with another Step of the same connection, nor after
// [Link.StepsEnded]. [Link.Run] may be called at any time after it and goes on where the
// last step has ended.
func (l *Link) Step(src, dst int, buf []byte, more bool) Progress {
	for !l.passed && l.Steps() {
		n, err := ignoringEINTR(func() (int, error) { return unix.Read(src, buf) })
		switch {
		case err == unix.EAGAIN:
			return Drained
		case err != nil:
			l.begun = carry{toChain: true, ended: l.classify(os.NewSyscallError("read", err))}
			return Beyond
		case n == 0:
			return l.stepEnd()
		}
		l.count(int64(n))
		if !l.stepOn(dst, buf[:n]) {
			return Beyond
		}
		switch {
		case n == len(buf):
			return Plenty
		case !more:
			return Drained
		}
	}
	return Beyond
}

// StepsEnded reports whether a step has come to the end of the stream. The rules of
// [Link.Step] hold for it.
func (l *Link) StepsEnded() bool { return l.passed || l.steps.ended != notEnded }

// stepOn passes on what was read, or holds it. It returns false when Run has to go
// on.
func (l *Link) stepOn(dst int, p []byte) bool {
	if len(l.steps.queue) == 0 && !l.Steps() {
		l.steps = stepping{}
		l.begun = carry{toChain: true, pending: cut(bytes.Clone(p), chunkSize)}
		return false
	}
	if l.steps.delays != nil {
		return l.stepHold(p) && l.stepRelease(dst)
	}
	n, ok := l.stepWrite(dst, p)
	if !ok {
		l.begun = carry{toChain: true, tail: cut(bytes.Clone(p[n:]), chunkSize)}
	}
	return ok
}

// stepWrite returns how much the destination has taken, and whether that is all.
func (l *Link) stepWrite(dst int, p []byte) (n int, ok bool) {
	l.emitBytes(l.sent.Load() + int64(len(p)))
	n, err := ignoringEINTR(func() (int, error) { return unix.Write(dst, p) })
	n = max(n, 0)
	l.sent.Add(int64(n))
	if err != nil && err != unix.EAGAIN {
		l.breakOff(os.NewSyscallError("write", err))
	}
	return n, n == len(p)
}

// stepHold keeps what was read until it is due. It returns false when that is not for
// a step to do.
func (l *Link) stepHold(p []byte) bool {
	s := segment{data: bytes.Clone(p), n: len(p), offset: l.received.Load() - int64(len(p)), at: time.Now()}
	s.late = l.edits.Load() != l.steps.edit
	s.due = l.steps.delays.due(s.at, s.offset)
	l.steps.queue = append(l.steps.queue, s)
	l.steps.held += len(p)
	return !s.late && l.steps.held < stepLimit
}

// Due returns when the first of what steps hold is to be sent, by [Link.Release],
// and false when they hold nothing.
func (l *Link) Due() (at time.Time, held bool) {
	if len(l.steps.queue) == 0 {
		return at, false
	}
	return l.steps.queue[0].due, true
}

// Release sends what is due of what steps hold, and behind the last of it the end of
// the stream, if that has come. The rules of [Link.Step] hold for it.
func (l *Link) Release(dst int) Progress {
	switch {
	case !l.Steps() || !l.stepRelease(dst):
		return Beyond
	case len(l.steps.queue) > 0 || l.steps.ended == notEnded:
		return Drained
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
			*s = s.less(n)
			return false
		}
		l.steps.queue = l.steps.queue[1:]
	}
	l.steps.queue = nil
	return true
}

// stepEnd takes note of the end of the stream. No write of a step has failed before,
// so that it hides no reset.
func (l *Link) stepEnd() Progress {
	if !l.Steps() {
		return Beyond // Run reads it again
	}
	l.src.markEOF()
	l.emit(event.Event{Kind: event.FIN, Side: l.src.Who, Offset: l.received.Load()})
	if len(l.steps.queue) > 0 {
		l.steps.ended = endedByFIN
		return Drained
	}
	return l.stepPass()
}

// stepPass passes the end of the stream on.
func (l *Link) stepPass() Progress {
	l.passed = true
	if l.opposite.passed {
		l.finish()
		return Finished
	}
	if err := l.dst.CloseWrite(); err != nil {
		l.breakOff(err)
		return Beyond
	}
	l.finish()
	return Finished
}
