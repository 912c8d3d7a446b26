package coordinator

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

func (r *run) noteBegun(s *session, report types.Report) {
	s.built = true
	r.description = report.SuiteDescription
}

// nextUnit settles the unit that s has run and gives it another.
func (r *run) nextUnit(s *session) int {
	r.settleUnit(s)
	s.asked = true
	if s.parked = r.mustPark(s); s.parked {
		return noMoreWork
	}
	if !r.stopping && !s.retiring {
		if s.unit = r.schedule.nextUnit(s.worker.proc); s.unit != nil {
			s.since = time.Now()
			if s.joined {
				r.noteStarted(s, s.unit.specs[0].Name)
			}
			return s.unit.index
		}
	}
	s.exhausted = true
	return noMoreWork
}

// settleUnit finds specs that should have been reported with the unit of s: then
// the plan is not of this suite.
func (r *run) settleUnit(s *session) {
	for ; s.unit != nil; s.unit = s.nextLater() {
		for _, p := range s.unit.pendingSpecs() {
			if !r.stopping { // else what was left of a batch was not begun
				r.notePlanMismatch(fmt.Sprintf("worker %d was given index %d and did not report %q", s.worker.proc, p.Index, p.Name))
			}
		}
	}
}

var errMisfit = errors.New("plan does not fit the suite")

// notePlanMismatch notes the first difference of plan and suite, and stops the run: further
// differences follow from it, and no result can be trusted.
func (r *run) notePlanMismatch(fact string) {
	r.aborting.Store(true)
	r.stopping = true
	if !slices.ContainsFunc(r.errs, func(err error) bool { return errors.Is(err, errMisfit) }) {
		r.errs = append(r.errs, fmt.Errorf("%w: %s", errMisfit, fact))
	}
}

// findPlanned returns the planned spec that s means by name.
func (r *run) findPlanned(s *session, name string) *planned {
	if s.unit != nil {
		if p := s.unit.findSpec(name); p != nil {
			return p
		}
	}
	if s.worker.proc == 1 && s.exhausted {
		return r.plan.findSerial(name)
	}
	return nil
}

func (r *run) noteStarted(s *session, name string) {
	p := r.findPlanned(s, name)
	if p == nil {
		r.notePlanMismatch(fmt.Sprintf("worker %d runs %q, which it was not given", s.worker.proc, name))
		return
	}
	s.running, s.since = p, time.Now()
	r.config.OnStart(s.worker.proc, p.Index, p.Name)
}

// takeReport takes a report that s sends.
func (r *run) takeReport(s *session, report *types.SpecReport) {
	s.since = time.Now()
	if report.LeafNodeType.Is(types.NodeTypeIt) && !r.markReported(s, report) {
		return
	}
	s.addOutput(report)
	r.publishReport(s, report)
	// A spec that timed out may still run, unknown to Ginkgo, and disturb the specs that
	// follow. Worker 1 has to stay for the serial ones.
	if report.State.Is(types.SpecStateTimedout) && (s.worker.proc != 1 || r.plan.nextSerial() == nil) {
		s.retiring = true
	}
}

// markReported marks the spec of report as reported, and says whether the report is to
// be published.
func (r *run) markReported(s *session, report *types.SpecReport) bool {
	name := report.FullText()
	s.running = nil
	if p := r.findPlanned(s, name); p != nil {
		p.reported = true
		s.fruitful = true
		return true
	}
	if report.State.Is(types.SpecStateSkipped) {
		return false // filtered out, or a serial spec that an earlier process reported
	}
	r.notePlanMismatch(fmt.Sprintf("worker %d reported %q, which it was not given", s.worker.proc, name))
	return true
}

func (r *run) publishReport(s *session, report *types.SpecReport) {
	r.result.Reports = append(r.result.Reports, *report)
	r.authors = append(r.authors, s)
	r.config.OnReport(s.worker.proc, *report)
	if r.config.FailFast && report.State.Is(types.SpecStateFailureStates) && !r.result.Interrupted {
		r.abortRun()
	}
}

func (r *run) noteEnded(s *session, report types.Report) {
	r.settleUnit(s)
	s.done = true
	for _, reason := range report.SpecialSuiteFailureReasons {
		if !slices.Contains(r.result.Failures, reason) {
			r.result.Failures = append(r.result.Failures, reason)
		}
	}
}

// untilFirst answers a worker that waits for what worker 1 does first.
func (r *run) untilFirst(state types.SpecState) error {
	switch {
	case state != types.SpecStateInvalid:
		return nil
	case r.workers[0].finished:
		return errGone
	}
	return errEarly
}

// untilAlone answers worker 1, which waits for the others.
func (r *run) untilAlone() error {
	for _, w := range r.workers[1:] {
		over := w.session != nil && w.session.done && !w.session.retiring
		if !w.finished && !over {
			return errEarly
		}
	}
	return nil
}

// reportOfOthers is every report that did not come from s.
func (r *run) reportOfOthers(s *session) types.Report {
	others := types.Report{SuiteDescription: r.description, SuiteSucceeded: true, StartTime: r.begin, EndTime: time.Now()}
	for i, report := range r.result.Reports {
		if r.authors[i] == s {
			continue
		}
		others.SpecReports = append(others.SpecReports, report)
		others.SuiteSucceeded = others.SuiteSucceeded && !report.State.Is(types.SpecStateFailureStates)
	}
	return others
}
