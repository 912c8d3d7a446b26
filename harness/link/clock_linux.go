package link

import (
	"container/heap"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A clock wakes writers when what they hold is due. It sleeps on a timer of the
// kernel's, by the nanosecond: the runtime's own timers end a wait of the poller
// on whole milliseconds, up to one of them late. The zero clock is ready.
type clock struct {
	mu     sync.Mutex // guards what follows
	file   *os.File   // the timer; nil until it is needed
	alarms alarms
	closed bool
	done   chan struct{} // closed when the goroutine has ended
}

// An alarm is a wait for a time.
type alarm struct {
	at    time.Time
	index int           // in the heap, or -1
	rung  chan struct{} // closed at that time
}

// wait blocks until the time, and returns false when it is halted before.
func (c *clock) wait(at time.Time, halt <-chan struct{}) bool {
	a := &alarm{at: at, rung: make(chan struct{})}
	if !c.set(a) {
		return holdRoughly(at, halt)
	}
	select {
	case <-a.rung:
		return true
	case <-halt:
		c.mu.Lock()
		defer c.mu.Unlock()
		if a.index >= 0 {
			heap.Remove(&c.alarms, a.index)
		}
		return false
	}
}

// set returns false when the kernel has no timer for it.
func (c *clock) set(a *alarm) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.file == nil && !c.startLocked() {
		return false
	}
	heap.Push(&c.alarms, a)
	if a.index == 0 {
		c.armLocked()
	}
	return true
}

func (c *clock) startLocked() bool {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
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
	in := max(time.Until(c.alarms[0].at), 1) // 0 would disarm it
	_ = raw.Control(func(fd uintptr) {
		_ = unix.TimerfdSettime(int(fd), 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(in.Nanoseconds())}, nil)
	})
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
		for len(c.alarms) > 0 && time.Until(c.alarms[0].at) <= 0 {
			close(heap.Pop(&c.alarms).(*alarm).rung)
		}
		if len(c.alarms) > 0 && !c.closed {
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

// alarms is a heap by time.
type alarms []*alarm

func (a alarms) Len() int           { return len(a) }
func (a alarms) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a alarms) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].index, a[j].index = i, j
}

func (a *alarms) Push(x any) {
	x.(*alarm).index = len(*a)
	*a = append(*a, x.(*alarm))
}

func (a *alarms) Pop() any {
	last := (*a)[len(*a)-1]
	(*a)[len(*a)-1] = nil
	*a = (*a)[:len(*a)-1]
	last.index = -1
	return last
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
