package proxy

import (
	"runtime"
	"time"
)

const (
	mostLoops = 4                      // of a proxy; each has a thread while it is busy
	crowd     = 3                      // events at once are more than enough to do for one loop
	helpFor   = 100 * time.Millisecond // after a crowd
)

// balance has the others help when a loop has too much to do, and no longer than that.
func (l *loop) balance(events int) {
	if all := &l.proxy.loops; events >= crowd {
		all.crowded.Store(time.Now().UnixNano())
		all.invite()
		return
	}
	l.helps()
}

// helps reports whether the loop is one of the others and goes on accepting. It does
// not, when there was no crowd for a while, and no more when this returns.
func (l *loop) helps() bool {
	all := &l.proxy.loops
	if l == all.first || !all.helping.Load() {
		return false
	}
	if time.Now().UnixNano()-all.crowded.Load() < helpFor.Nanoseconds() {
		return true
	}
	all.dismiss()
	return false
}

// invite has the others accept, too.
func (all *loops) invite() {
	if all.helping.Load() {
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	for most := min(runtime.GOMAXPROCS(0), mostLoops); len(all.others) < most-1; {
		l := newLoop(all.first.proxy)
		if l == nil {
			break
		}
		all.others = append(all.others, l)
		l.proxy.ends.Go(l.run)
	}
	for _, l := range all.others {
		if l.join(all.first) {
			l.kick() // it may wait without a thread
			all.helping.Store(true)
		}
	}
}

// dismiss has the others accept no more. They go on with the connections they have.
func (all *loops) dismiss() {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, l := range all.others {
		l.unlisten()
	}
	all.helping.Store(false)
}
