package proxy

import (
	"context"
	"sync"

	"github.com/sockharness/harness/harness/link"
)

// A parking brings a connection from its goroutines back into a loop, once it is calm: both
// links stop where they are, or neither.
type parking struct {
	mu       sync.Mutex // guards what follows
	running  bool       // the links do
	round    *parkRound // under way, or complete; nil: none
	calm     int        // checks in a row that have found the connection calm
	patience int        // so many are enough; more after each round that has failed
	bytes    [2]int64   // at the last check, by direction
	reads    [2]int64
}

// A parkRound is one attempt.
type parkRound struct {
	arrived  int
	complete chan struct{} // closed when both links have stopped
	refused  chan struct{} // closed when one of them has not
	isOver   bool
}

const (
	calmChecks = 2   // at first
	mostChecks = 128 // when it has failed again and again
)

// open begins to take rounds: the links are about to run.
func (p *parking) open() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running, p.round, p.calm = true, nil, 0
	p.patience = min(max(2*p.patience, calmChecks), mostChecks)
}

// shut ends the rounds. One that is complete stays so.
func (p *parking) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = false
	p.refuseLocked(p.round)
}

func (p *parking) refuseLocked(r *parkRound) {
	if r == nil || r.isOver {
		return
	}
	r.isOver = true
	close(r.refused)
	p.round = nil
}

func (p *parking) isComplete() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.round != nil && p.round.arrived == 2
}

// arrive is called by a link that has stopped. It blocks until the other one has, too, or
// will not: then it returns false, and the link goes on.
func (p *parking) arrive(ctx context.Context) bool {
	p.mu.Lock()
	r := p.round
	if r == nil {
		p.mu.Unlock()
		return false
	}
	if r.arrived++; r.arrived == 2 {
		r.isOver = true
		close(r.complete)
	}
	p.mu.Unlock()
	select {
	case <-r.complete:
		return true
	case <-r.refused:
		return false
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuseLocked(r)
	return r.arrived == 2
}

// considerReturn is called every [checkPeriod]. It begins a round when the connection has
// carried no bulk for a while.
func (p *parking) considerReturn(s *session, links [2]*link.Link) {
	p.mu.Lock()
	if p.round != nil && p.round.arrived == 2 {
		p.mu.Unlock()
		return
	}
	if !p.running || !p.noteCalm(links) || !s.mayLoop() {
		p.refuseLocked(p.round) // of the check before
		p.mu.Unlock()
		return
	}
	r := &parkRound{complete: make(chan struct{}), refused: make(chan struct{})}
	p.refuseLocked(p.round)
	p.round, p.calm, p.patience = r, 0, min(2*p.patience, mostChecks)
	p.mu.Unlock()
	for _, l := range links {
		l.Park(func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.refuseLocked(r)
		})
	}
}

// noteCalm reports whether the connection was calm for long enough.
func (p *parking) noteCalm(links [2]*link.Link) bool {
	p.calm++
	for d, l := range links {
		bytes, reads := l.ReceivedBytes(), l.NumReads()
		if isBulk(bytes-p.bytes[d], reads-p.reads[d]) || !l.MayStep() {
			p.calm = 0
		}
		p.bytes[d], p.reads[d] = bytes, reads
	}
	return p.calm >= p.patience
}

const (
	loopBulk = 256 << 10 // bytes of one direction in a tick after which it may be bulk,
	bulkRead = 4 << 10   // if a read has brought so many of them on average
)

// isBulk tells bulk by the size of the reads that have brought so many bytes: small messages
// are none, however many.
func isBulk(bytes, reads int64) bool { return bytes > loopBulk && bytes > reads*bulkRead }
