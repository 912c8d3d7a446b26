package proxy

import (
	"sync"
	"time"
)

// An idle sees that a connection which is closed in one direction carries
// nothing in the other. Such a pair may stay for ever, and sockets are few.
type idle struct {
	session *session
	limit   time.Duration
	over    func() // called when nothing has moved for the limit

	mu      sync.Mutex  // guards what follows
	timer   *time.Timer // nil while both directions are open
	stopped bool
	carried int64
	still   int // checks in a row at which nothing had moved
}

// idleChecks is how many times in a row nothing may have moved.
const idleChecks = 8

// start begins to check. It is called when a direction is closed, and does
// nothing the second time.
func (i *idle) start() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.timer != nil || i.stopped || i.limit <= 0 {
		return
	}
	i.carried = i.session.carried()
	i.timer = time.AfterFunc(i.period(), i.check)
}

func (i *idle) period() time.Duration { return max(i.limit/idleChecks, 1) }

// stop ends the checks. None is under way when it returns.
func (i *idle) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stopped = true
	if i.timer != nil {
		i.timer.Stop()
	}
}

func (i *idle) check() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.stopped {
		return
	}
	now := i.session.carried()
	if i.still++; now != i.carried {
		i.carried, i.still = now, 0
	}
	if i.still >= idleChecks {
		i.over()
		return
	}
	i.timer.Reset(i.period())
}

// carried returns how many bytes have moved in both directions.
func (s *session) carried() (n int64) {
	for _, t := range s.traffic() {
		n += t.Received + t.Sent
	}
	return n
}
