package proxy

import (
	"sync"
	"time"
)

// A halfCloseTimer sees that a connection which is closed in one direction carries
// nothing in the other. Such a pair may stay forever, and sockets are few.
type halfCloseTimer struct {
	session *session
	limit   time.Duration
	over    func() // called when nothing has moved for the limit

	mu             sync.Mutex  // guards what follows
	timer          *time.Timer // nil while both directions are open
	stopped        bool
	carried        int64
	idleChecksSeen int // checks in a row at which nothing had moved
}

// maxIdleChecks is how many times in a row nothing may have moved.
const maxIdleChecks = 8

// startChecks begins to check. It is called when a direction is closed, and does
// nothing the second time.
func (i *halfCloseTimer) startChecks() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.timer != nil || i.stopped || i.limit <= 0 {
		return
	}
	i.carried = i.session.bytesCarried()
	i.timer = time.AfterFunc(i.checkPeriod(), i.checkTraffic)
}

func (i *halfCloseTimer) checkPeriod() time.Duration { return max(i.limit/maxIdleChecks, 1) }

// stopChecks ends the checks. None is under way when it returns.
func (i *halfCloseTimer) stopChecks() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stopped = true
	if i.timer != nil {
		i.timer.Stop()
	}
}

func (i *halfCloseTimer) checkTraffic() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.stopped {
		return
	}
	now := i.session.bytesCarried()
	if i.idleChecksSeen++; now != i.carried {
		i.carried, i.idleChecksSeen = now, 0
	}
	if i.idleChecksSeen >= maxIdleChecks {
		i.over()
		return
	}
	i.timer.Reset(i.checkPeriod())
}

// bytesCarried returns how many bytes have moved in both directions.
func (s *session) bytesCarried() (n int64) {
	for _, t := range s.sessionTraffic() {
		n += t.Received + t.Sent
	}
	return n
}
