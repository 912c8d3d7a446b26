package link

import "time"

// UpdateChain replaces the chain. It does not block. Every byte that is read from
// the source after it has returned goes through the new chain; what was read
// before is neither lost nor reordered; most of it skips the toxics that are new.
func (l *Link) UpdateChain(stages []Stage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.desired = append([]Stage(nil), stages...)
	l.toxic = l.toxic || len(stages) > 0
	l.edits.Add(1)
	l.wakeLocked()
}

// wakeReader makes the reader look around, wherever it waits.
func (l *Link) wakeReader() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wakeLocked()
}

func (l *Link) wakeLocked() {
	l.woken = true
	l.tellLocked()
	l.expireLocked()
}

// tellLocked wakes a reader that waits for a change.
func (l *Link) tellLocked() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// beginWaiting makes changes known to a reader that waits for them.
func (l *Link) beginWaiting() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.released = false
	if l.changed = make(chan struct{}, 1); l.woken {
		l.tellLocked()
	}
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

// stopIO ends all I/O of the link for good.
func (l *Link) stopIO() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	l.wakeLocked()
}

// beginRead says that the reader is about to read from the source, and in a splice
// to write to the destination. It returns false when there is something to look
// at first.
func (l *Link) beginRead(splicing bool) bool {
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

// endRead says that the reader has left its I/O, and makes the deadlines good again.
func (l *Link) endRead() {
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

// wantedChain returns the chain as it is wanted now and forgets that the reader was
// woken.
func (l *Link) wantedChain() (stages []Stage, edit uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.woken = false
	select {
	case <-l.changed:
	default:
	}
	return l.desired, l.edits.Load()
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// releaseDeadlines leaves the deadlines of the sockets to others.
func (l *Link) releaseDeadlines() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.released = true
}
