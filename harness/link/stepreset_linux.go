package link

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/sockharness/harness/harness/sock"
)

// stepError takes note of a read that has failed.
func (l *Link) stepError(err error, dst int) Progress {
	how := l.classifyReadError(err)
	if how == endedByReset && l.src.isTCP() {
		return l.stepEndBy(how, dst)
	}
	if c := l.steps.chain; c != nil {
		c.noteEnd(how)
	} else {
		l.pending = handoff{useChain: true, ended: how}
	}
	return NeedRun
}

// stepReset begins to pass on the reset of the source, behind everything that was sent.
func (l *Link) stepReset() Progress {
	if !l.eofSent {
		l.pending = handoff{useChain: true, ended: endedByReset}
	}
	l.steps.unacked, l.steps.progress = -1, time.Time{}
	return Resetting
}

// ResetDue reports whether both sides are to be reset now: the destination's kernel has
// everything that was sent, or makes no progress any more, or was reset as well. It is
// for a step that has returned Resetting; ask again after a millisecond.
func (l *Link) ResetDue(dst int) bool {
	left := 0
	if l.dst.isTCP() {
		left, _ = sock.OutQueueNoWait(dst)
	}
	if l.dst.hasSentFIN() {
		left--
	}
	if left <= 0 || l.dst.wasReset() || l.destinationArrived() {
		return true
	}
	if now := time.Now(); left != l.steps.unacked {
		l.steps.unacked, l.steps.progress = left, now
	} else if now.Sub(l.steps.progress) >= l.cfg.Patience.Progress {
		return true
	}
	return false
}

// NoteReset looks whether the source was reset although its stream had ended before: a
// read does not tell. It is called when the kernel has said that there is an error.
func (l *Link) NoteReset(src int) Progress {
	fds := []unix.PollFd{{Fd: int32(src)}}
	if _, err := unix.Poll(fds, 0); err != nil || fds[0].Revents&unix.POLLERR == 0 {
		return WouldBlock
	}
	l.src.markReset()
	if c := l.steps.chain; !l.eofSent && (c == nil || !c.sealed) {
		return WouldBlock // behind what is held
	}
	return l.stepReset()
}

// StepBroken goes on after a write of a step of the opposite direction has failed, if
// that was because its destination, the source of this one, was reset: what that has sent
// before is passed on, and the reset. The rules of [Link.StepOnce] hold for it.
func (l *Link) StepBroken(src, dst int, buf []byte) Progress {
	for l.src.wasReset() && l.src.isTCP() {
		switch {
		case l.eofSent:
			return l.stepReset()
		case l.StepsEnded():
			return NeedRun
		}
		if made := l.StepOnce(src, dst, buf, true); made != More {
			return made
		}
	}
	return NeedRun
}
