package link

import (
	"os"

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

// Step carries what the source has at the moment, up to the length of buf, without
// a goroutine and without blocking, for as long as there is no toxic and all goes
// well. Src and dst are the descriptors of the sides; more says that the end of the
// stream may be behind what is there. It is for a caller who waits for many
// sources at once, and must not be called together with Run or with another Step of
// the same connection. [Link.Run] may be called at any time after it and goes on
// where the last step has ended.
func (l *Link) Step(src, dst int, buf []byte, more bool) Progress {
	for !l.passed && l.Plain() {
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
		if !l.Plain() {
			l.begun = carry{toChain: true, pending: cut(append([]byte(nil), buf[:n]...), chunkSize)}
			return Beyond
		}
		if !l.stepWrite(dst, buf[:n]) {
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

// stepWrite returns false unless the destination has taken all of p.
func (l *Link) stepWrite(dst int, p []byte) bool {
	l.emitBytes(l.sent.Load() + int64(len(p)))
	n, err := ignoringEINTR(func() (int, error) { return unix.Write(dst, p) })
	l.sent.Add(int64(max(n, 0)))
	if n == len(p) {
		return true
	}
	if err != nil && err != unix.EAGAIN {
		l.breakOff(os.NewSyscallError("write", err))
	}
	l.begun = carry{toChain: true, tail: cut(append([]byte(nil), p[max(n, 0):]...), chunkSize)}
	return false
}

// stepEnd passes the end of the stream on. No write of a step has failed before, so
// that it hides no reset.
func (l *Link) stepEnd() Progress {
	if !l.Plain() {
		return Beyond // Run reads it again
	}
	l.src.markEOF()
	l.emit(event.Event{Kind: event.FIN, Side: l.src.Who, Offset: l.received.Load()})
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
