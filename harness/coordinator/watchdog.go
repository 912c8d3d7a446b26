package coordinator

import (
	"fmt"
	"time"
)

const (
	// dumpTime is what a hanging worker gets for writing its goroutines.
	dumpTime = 2 * time.Second
	// never is so far away that it is no deadline.
	never = 24 * time.Hour
)

// nextDeadline is when watch has something to do at the earliest.
func (r *run) nextDeadline() time.Time {
	earliest := time.Now().Add(never)
	for _, s := range r.liveSessions() {
		if at, _ := r.silenceLimit(s); at.Before(earliest) {
			earliest = at
		}
	}
	return earliest
}

// silenceLimit returns until when s may be silent, and the reason to report if it is longer.
func (r *run) silenceLimit(s *session) (time.Time, string) {
	spec := r.config.SpecTimeout
	if limit := s.specTimeout(); limit > 0 {
		spec = limit
	}
	switch {
	case !s.killAt.IsZero():
		return s.killAt, s.condemned
	case r.result.Interrupted:
		return r.deadline, fmt.Sprintf("killed %v after the interrupt", r.config.Grace)
	case !s.asked:
		return s.lastSeen().Add(r.config.StartTimeout), fmt.Sprintf("killed because it had not started its first spec and reported nothing for %v", r.config.StartTimeout)
	case s.done:
		return s.lastSeen().Add(r.config.Grace), fmt.Sprintf("killed because it was still running %v after its suite had ended", r.config.Grace)
	case spec > 0:
		return s.lastSeen().Add(spec + r.config.Grace), fmt.Sprintf("killed because it reported nothing for %v (spec timeout %v, grace %v)", spec+r.config.Grace, spec, r.config.Grace)
	}
	return time.Now().Add(never), ""
}

// specTimeout is the timeout of the unit that s runs; 0: that of the configuration.
func (s *session) specTimeout() time.Duration {
	if s.running != nil {
		return s.running.Timeout
	}
	var longest time.Duration
	for _, p := range s.unit.pendingSpecs() {
		longest = max(longest, p.Timeout)
	}
	return longest
}

// checkLimits ends the workers whose limit has passed: first by a signal on which they print their
// goroutines, then by SIGKILL.
func (r *run) checkLimits(now time.Time) {
	for _, s := range r.liveSessions() {
		at, why := r.silenceLimit(s)
		if now.Before(at) {
			continue
		}
		first := s.condemned == "" && !r.result.Interrupted
		s.condemned = why
		if first && s.process.dumpGoroutines() == nil {
			s.killAt = now.Add(dumpTime)
			continue
		}
		s.killAt = now.Add(dumpTime)
		s.process.killGroup()
	}
}
