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
	alarms Timetable[chan struct{}] // closed at their times
	closed bool
	done   chan struct{} // closed when the goroutine has ended
}

// wait blocks until the time, and returns false when it is halted before.
func (c *clock) wait(at time.Time, halt <-chan struct{}) bool {
	a := c.set(at)
	if a == nil {
		return holdRoughly(at, halt)
	}
	select {
	case <-a.What:
		return true
	case <-halt:
		c.mu.Lock()
		defer c.mu.Unlock()
		c.alarms.Remove(a)
		return false
	}
}

// set returns nil when the kernel has no timer for it.
func (c *clock) set(at time.Time) *Entry[chan struct{}] {
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
	go c.run(c.file)
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

// run rings until the clock is closed.
func (c *clock) run(file *os.File) {
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

// close ends the clock. Nobody may wait on it any more.
func (c *clock) close() {
	c.mu.Lock()
	file, done := c.file, c.done
	c.closed, c.file = true, nil
	c.mu.Unlock()
	if file != nil {
		_ = file.Close()
		<-done
	}
}

// holdRoughly waits by the runtime's timers.
func holdRoughly(at time.Time, halt <-chan struct{}) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-halt:
		return false
	}
}
