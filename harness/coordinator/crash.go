package coordinator

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/onsi/ginkgo/v2/types"
)

// messageTail is how much of stderr a failure message holds; the whole tail is
// in the Crash.
const messageTail = 4 << 10

// reportCrash reports what the death of s has ended.
func (r *run) reportCrash(s *session, state *os.ProcessState) {
	exit := state.String()
	if s.condemned != "" {
		exit += ", " + s.condemned
	}
	crash := Crash{Proc: s.worker.proc, Index: -1, Exit: exit, Stderr: s.process.stderr.String()}
	r.findVictim(s)
	victim := r.victimSpec(s)
	if victim != nil {
		s.fruitful = true
		s.worker.fruitless = 0
		crash.Index, crash.Name = victim.Index, victim.Name
		r.publishReport(s, r.crashReport(s, victim, exit))
		r.skipRest(s, victim.unit)
	}
	// A worker that dies of an interrupt before its suite has begun to listen
	// for it has not crashed.
	if victim != nil || !r.result.Interrupted || s.condemned != "" {
		r.result.Crashes = append(r.result.Crashes, crash)
	}
}

// victimSpec returns the spec that s was running, marked as reported, or nil. A
// unit that s did not begin goes back to be run by another process.
func (r *run) victimSpec(s *session) *planned {
	victim := s.running
	left := s.unit.pendingSpecs()
	switch {
	case victim != nil || s.done:
	case len(left) > 0 && s.joined && s.unit.isUntouched():
		r.schedule.returnUnit(s.worker.proc, s.unit)
	case len(left) > 0:
		victim = left[0]
	case s.exhausted && s.worker.proc == 1 && !s.joined && r.untilAlone() == nil:
		victim = r.plan.nextSerial()
	}
	if victim != nil {
		victim.reported = true
	}
	return victim
}

// skipRest reports the specs of u after the one that died as skipped: in an Ordered container
// nothing runs after a failure.
func (r *run) skipRest(s *session, u *unit) {
	for _, p := range u.pendingSpecs() {
		p.reported = true
		report := emptyReport(s, p, types.SpecStateSkipped)
		report.Failure = failureOf(p, "Spec skipped because an earlier spec in an ordered container failed")
		r.publishReport(s, report)
	}
}

// crashReport is the report of the spec that died with s.
func (r *run) crashReport(s *session, p *planned, exit string) *types.SpecReport {
	state := types.SpecStatePanicked
	switch {
	case r.result.Interrupted:
		state = types.SpecStateInterrupted
	case s.condemned != "":
		state = types.SpecStateTimedout
	}
	report := emptyReport(s, p, state)
	report.NumAttempts = 1
	report.StartTime, report.EndTime = s.since, time.Now()
	report.RunTime = report.EndTime.Sub(report.StartTime)
	report.Failure = failureOf(p, crashMessage(s, p, exit))
	s.addOutput(report)
	return report
}

// crashMessage says how the process of s ended, and what it wrote last.
func crashMessage(s *session, p *planned, exit string) string {
	stderr := s.process.stderr
	if s.condemned != "" {
		message := fmt.Sprintf("this spec did not end: worker %d was %s", s.worker.proc, s.condemned)
		if where := goroutinesIn(stderr.String(), p.Preview.LeafNodeLocation.FileName); where != "" {
			return message + "\nwhere it was:\n" + where
		}
		return s.withEnd(message, lastLines(stderr))
	}
	message, end := fmt.Sprintf("worker %d crashed while it ran this spec: %s", s.worker.proc, exit), lastLines(stderr)
	if strings.HasPrefix(exit, "exit status") && !strings.Contains(end, "goroutine ") {
		message += ", by os.Exit or log.Fatal"
	}
	return s.withEnd(message, end)
}

func (s *session) withEnd(message, end string) string {
	switch {
	case end == "":
		return message
	case s.process.output != nil:
		return message + "\nthe end of its output:\n" + end
	}
	return message + "\nthe end of its stderr:\n" + end
}

// goroutinesIn returns the goroutines of Go's dump that are in a file, cut to what a message
// holds. The goroutine that runs all specs only waits for these.
func goroutinesIn(dump, file string) string {
	var found []string
	for one := range strings.SplitSeq(dump, "\n\n") {
		inFile := file != "" && strings.Contains(one, file+":") && !strings.Contains(one, ".RunSpecs(")
		if inFile && strings.HasPrefix(strings.TrimSpace(one), "goroutine ") {
			found = append(found, one)
		}
	}
	text := strings.Join(found, "\n\n")
	return strings.TrimSpace(text[:min(len(text), messageTail)])
}

// emptyReport returns the report of p as if it had not run.
func emptyReport(s *session, p *planned, state types.SpecState) *types.SpecReport {
	r := p.Preview
	if r.LeafNodeText == "" && len(r.ContainerHierarchyTexts) == 0 {
		r.LeafNodeText = p.Name
	}
	r.LeafNodeType, r.State = types.NodeTypeIt, state
	r.IsSerial, r.RunningInParallel, r.ParallelProcess = p.Serial, true, s.worker.proc
	r.StartTime = time.Now()
	r.EndTime, r.RunTime, r.NumAttempts = r.StartTime, 0, 0
	return &r
}

func failureOf(p *planned, message string) types.Failure {
	at := p.Preview.LeafNodeLocation
	return types.Failure{Message: message, Location: at, FailureNodeLocation: at,
		FailureNodeType: types.NodeTypeIt, FailureNodeContext: types.FailureNodeIsLeafNode}
}

// lastLines returns the end of what was written to t. If t was cut, it begins with a whole line.
func lastLines(t *tail) string {
	text := strings.TrimSpace(t.String())
	if len(text) > messageTail {
		text = text[len(text)-messageTail:]
		_, after, found := strings.Cut(text, "\n")
		if found {
			text = after
		}
	}
	return text
}
