package proxy

import (
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	mostLoops  = 4                      // each has a thread while it is busy
	helperIdle = 100 * time.Millisecond // after the first one was last full
	fullWindow = 2 * time.Millisecond   // of wall time, of which a full loop works
	fullShare  = 80                     // percent at least, both by the clock and of a processor,
	fullRounds = 3                      // that many times in a row
	yieldAfter = 4 * time.Millisecond   // the runtime looks every 10 ms
)

// A loadMeter tells whether a loop has more to do than it can.
type loadMeter struct {
	began  time.Time // of the window
	woke   time.Time // when the last wait was over
	worked time.Duration
	used   time.Duration // of processor time by the process, when the window began
	full   int           // windows in a row
}

// noteWoke is called when a wait is over, and reports whether the loop is full.
func (m *loadMeter) noteWoke(now time.Time) bool {
	m.woke = now
	if m.began.IsZero() {
		m.began = now
	}
	if in := now.Sub(m.began); in >= fullWindow {
		used := processorTime()
		// A loop that has to wait for a processor is not helped by another one.
		if full := in * fullShare / 100; m.worked >= full && used-m.used >= full && in < 10*fullWindow {
			m.full++
		} else {
			m.full = 0
		}
		m.began, m.worked, m.used = now, 0, used
	}
	return m.full >= fullRounds
}

// processorTime returns what the process has used of the processors.
func processorTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

// yieldSometimes goes through the runtime's scheduler. A goroutine that has not for 10 ms
// is taken for one that is stuck: from then on the runtime would look for it every 20 us,
// and take its processor away whenever it finds it in a system call.
func (l *loop) yieldSometimes() {
	if l.load.woke.Sub(l.yielded) >= yieldAfter {
		l.yielded = l.load.woke
		runtime.Gosched()
	}
}

// noteWaits is called before a wait.
func (m *loadMeter) noteWaits() { m.worked += time.Since(m.woke) }

// balanceLoad has the others help when a loop is full, and no longer than that. Busy
// are the ports that it has just accepted from.
func (l *loop) balanceLoad() {
	all := l.all
	if l.load.noteWoke(time.Now()) && len(l.busyPorts) > 0 {
		all.busySince.Store(l.load.woke.UnixNano())
		all.addLoops(l.busyPorts)
		l.load.full = 0
	} else {
		l.keepsHelping()
	}
	clear(l.busyPorts)
	l.busyPorts = l.busyPorts[:0]
}

// noteBusyPort keeps that somebody came on the port.
func (l *loop) noteBusyPort(port *loopPort) {
	if !slices.Contains(l.busyPorts, port) {
		l.busyPorts = append(l.busyPorts, port)
	}
}

// keepsHelping reports whether the loop is one of the others and goes on accepting. It
// does not, when no loop was full for a while, and no more when this returns.
func (l *loop) keepsHelping() bool {
	all := l.all
	if l == all.first || !all.helping.Load() {
		return false
	}
	if time.Now().UnixNano()-all.busySince.Load() < helperIdle.Nanoseconds() {
		return true
	}
	all.retireLoops()
	return false
}

// addLoops has the others accept from the ports, too.
func (all *loops) addLoops(ports []*loopPort) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for most := min(runtime.GOMAXPROCS(0), mostLoops); len(all.others) < most-1; {
		l := newLoop(all)
		if l == nil {
			break
		}
		all.others = append(all.others, l)
		all.shared.wg.Go(l.runLoop)
	}
	for _, port := range ports {
		if slices.Contains(all.ports, port) {
			continue
		}
		all.ports = append(all.ports, port)
		for _, l := range all.others {
			if l.acceptFrom(port) {
				l.wakeUp() // it may wait without a thread
				all.helping.Store(true)
			}
		}
	}
}

// retireLoops has the others accept no more. They go on with the connections they have.
func (all *loops) retireLoops() {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, port := range all.ports {
		for _, l := range all.others {
			l.leavePort(port)
		}
	}
	all.ports = nil
	all.helping.Store(false)
}
