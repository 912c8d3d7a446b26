package coordinator

import (
	"slices"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

const (
	// batchTime is how long one batch is meant to take a worker.
	batchTime = 10 * time.Millisecond
	// mostInBatch bounds how many specs run again after a crash.
	mostInBatch = 32
)

// A pace is how fast the specs of a worker follow each other.
type pace struct {
	given time.Time     // when it was given the last batch
	size  int           // of that
	each  time.Duration // what each spec of the batch before took
}

// noteDone notes that the worker has asked for more.
func (p *pace) noteDone() {
	if p.size > 0 {
		p.each = max(time.Microsecond, time.Since(p.given)/time.Duration(p.size))
	}
	p.size = 0
}

// next is how many specs the worker gets: one at first, then at most twice as many as before.
func (p *pace) next(before int) int {
	if p.each == 0 {
		return 1
	}
	return max(1, min(int(batchTime/p.each), 2*before, mostInBatch))
}

// nextBatch settles what s has run and gives it more. An empty batch means that the suite has
// ended, or that s must ask again.
func (r *run) nextBatch(s *session) (given []handed) {
	before := s.pace.size
	s.pace.noteDone()
	if r.nextUnit(s) == noMoreWork {
		s.done = !s.parked && (r.stopping || s.retiring || !r.mayGetBack())
		return nil
	}
	if s.mark != nil && s.extra == 0 && !s.worker.careful && !r.config.FailFast {
		s.later = r.schedule.nextOfGroup(s.worker.proc, s.pace.next(before)-1)
	}
	for _, u := range append([]*unit{s.unit}, s.later...) {
		given = append(given, handed{u.index, u.specs[0].Name})
	}
	s.pace.given, s.pace.size = time.Now(), len(given)
	return given
}

// mayGetBack reports whether a worker holds units that it has not begun, as far as is known.
func (r *run) mayGetBack() bool {
	return slices.ContainsFunc(r.liveSessions(), func(s *session) bool { return len(s.later) > 0 })
}

// nextLater takes the next unit of the batch; nil: there is none.
func (s *session) nextLater() *unit {
	if len(s.later) == 0 {
		return nil
	}
	u := s.later[0]
	s.later = s.later[1:]
	return u
}

// takeProgress takes what s has run, and the units that s returns.
func (r *run) takeProgress(s *session, p progress) {
	for _, one := range p.Played {
		r.takeReport(s, r.reportOf(s, one))
		if len(s.unit.pendingSpecs()) == 0 && len(s.later) > 0 {
			s.unit = s.nextLater()
			s.running = s.unit.specs[0]
		}
	}
	r.returnUnits(s, func(u *unit) bool { return slices.Contains(p.Back, u.index) })
}

// returnUnits takes the named units out of the batch of s. The next worker that asks gets them.
func (r *run) returnUnits(s *session, meant func(*unit) bool) {
	var kept []*unit
	for _, u := range slices.Backward(s.later) {
		if meant(u) {
			r.schedule.returnUnit(s.worker.proc, u)
			s.pace.size--
		} else {
			kept = append(kept, u)
		}
	}
	slices.Reverse(kept)
	s.later = kept
}

// noteRunning reports a spec that runs for longer than a whole batch is meant to take.
func (r *run) noteRunning(s *session) {
	if s.running != nil {
		r.config.OnStart(s.worker.proc, s.running.Index, s.running.Name)
	}
}

// findVictim finds out which unit of a batch was running when s died, and makes it the unit of
// s. The other units run again: the results of those before it were lost with s.
func (r *run) findVictim(s *session) {
	if len(s.later) == 0 {
		return
	}
	at := s.mark.get()
	s.later = append([]*unit{s.unit}, s.later...)
	s.unit, s.running = nil, nil
	r.returnUnits(s, func(u *unit) bool { return u.index != at })
	if s.unit = s.nextLater(); s.unit != nil {
		s.running = s.unit.specs[0]
	}
	s.worker.careful = true
}

// reportOf is the report of a spec that s has run.
func (r *run) reportOf(s *session, one playedSpec) *types.SpecReport {
	p := r.findPlanned(s, one.Name)
	if p == nil {
		p = &planned{Spec: Spec{Name: one.Name}} // takeReport notes that it is not planned
	}
	report := emptyReport(s, p, one.State)
	report.StartTime, report.RunTime, report.EndTime = one.Begin, one.Took, one.Begin.Add(one.Took)
	report.NumAttempts = 1
	if one.Failure != "" {
		report.Failure = failureOf(p, one.Failure)
	}
	if one.Entry != "" {
		report.ReportEntries = types.ReportEntries{{Name: one.Entry, Visibility: types.ReportEntryVisibilityNever, Time: one.Begin.Add(one.Took), Value: types.WrapEntryValue(one.Value)}}
	}
	return report
}
