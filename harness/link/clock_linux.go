package link

import (
	"os"
	"sync"
	"time"
)

// A clock wakes writers when what they hold is due. It sleeps on a timer of the
// kernel's, by the nanosecond: the runtime's own timers end a wait of the poller
// on whole milliseconds, up to one of them late. The zero clock is ready.
type clock struct {
	mu     sync.Mutex               // guards what follows
	file   *os.File                 // the timer; nil until it is needed
	alarms TimerHeap[chan struct{}] // closed at their times
	closed bool
	done   chan struct{} // closed when the goroutine has ended
}

// waitUntil blocks until the time, and returns false when it is halted before.
func (c *clock) waitUntil(at time.Time, halt <-chan struct{}) bool {
	expired, stop := c.alarmAt(at)
	select {
	case <-expired:
		return true
	case <-halt:
		stop()
		return false
	}
}

// alarmAt returns a channel that is closed at the time, unless it is stopped before.
func (c *clock) alarmAt(at time.Time) (expired <-chan struct{}, stop func()) {
	a := c.setTimer(at)
	if a == nil {
		return roughAlarm(at)
	}
	return a.What, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.alarms.Remove(a)
	}
}

// setTimer returns nil when the kernel has no timer for it.
func (c *clock) setTimer(at time.Time) *Entry[chan struct{}] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.file == nil && !c.startLocked() {
		return nil
	}
	a := c.alarms.Add(at, make(chan struct{}))
	if a == c.alarms.Next() {
		c.armLocked()
	}
	return a
}

func (c *clock) startLocked() bool {
	fd, err := NewTimer()
	if err != nil {
		return false
	}
	c.file, c.done = os.NewFile(uintptr(fd), "timer"), make(chan struct{})
	go c.runTimers(c.file)
	return true
}

// armLocked sets the kernel's timer to the first alarm.
func (c *clock) armLocked() {
	raw, err := c.file.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { SetTimer(int(fd), c.alarms.Next().At) })
}

// runTimers rings until the clock is closed.
func (c *clock) runTimers(file *os.File) {
	defer close(c.done)
	expirations := make([]byte, 8)
	for {
		if _, err := file.Read(expirations); err != nil {
			return
		}
		c.mu.Lock()
		for a := c.alarms.Due(time.Now()); a != nil; a = c.alarms.Due(time.Now()) {
			close(a.What)
		}
		if c.alarms.Next() != nil && !c.closed {
			c.armLocked()
		}
		c.mu.Unlock()
	}
}

// closeClock ends the clock. Nobody may wait on it any more.
func (c *clock) closeClock() {
	c.mu.Lock()
	file, done := c.file, c.done
	c.closed, c.file = true, nil
	c.mu.Unlock()
	if file != nil {
		_ = file.Close()
		<-done
	}
}
