package proxy

import "time"

// An idle sees that a connection which is closed in one direction carries
// nothing in the other. Such a pair may stay for ever, and sockets are few.
type idle struct {
	session  *session
	limit    time.Duration
	finished [2]<-chan struct{} // nil once a direction is closed
	tick     *time.Ticker       // nil while both directions are open
	carried  int64
	still    int // checks in a row at which nothing had moved
}

// idleChecks is how many times in a row nothing may have moved.
const idleChecks = 8

func newIdle(s *session) *idle {
	i := &idle{session: s, limit: s.proxy.cfg.HalfCloseIdle}
	if i.limit > 0 {
		i.finished = [2]<-chan struct{}{s.links[0].Finished(), s.links[1].Finished()}
	}
	return i
}

func (i *idle) stop() {
	if i.tick != nil {
		i.tick.Stop()
	}
}

// start begins to check.
func (i *idle) start() {
	i.finished = [2]<-chan struct{}{}
	i.carried = i.session.carried()
	i.tick = time.NewTicker(max(i.limit/idleChecks, 1))
}

// checks ticks while the connection is half-closed.
func (i *idle) checks() <-chan time.Time {
	if i.tick == nil {
		return nil
	}
	return i.tick.C
}

// over reports whether nothing has moved for the limit.
func (i *idle) over() bool {
	now := i.session.carried()
	if i.still++; now != i.carried {
		i.carried, i.still = now, 0
	}
	return i.still >= idleChecks
}

// carried returns how many bytes have moved in both directions.
func (s *session) carried() (n int64) {
	for _, t := range s.traffic() {
		n += t.Received + t.Sent
	}
	return n
}
