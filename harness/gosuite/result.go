package gosuite

import (
	"fmt"
	"strings"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/sockharness/harness/harness/outcome"
)

// specResult returns what a report of the suite comes to, and whether it is one at all:
// nodes around specs count when they fail only, and nothing counts that an interrupt or
// fail-fast has left out.
func (s *Suite) specResult(r types.SpecReport) (outcome.Result, bool) {
	result := outcome.Result{Target: s.Name, Scenario: r.FullText(), Level: outcome.Must, Verdict: outcome.Pass, Elapsed: outcome.MillisOf(r.RunTime)}
	spec := r.LeafNodeType.Is(types.NodeTypeIt)
	if !spec {
		result.Scenario = "[" + r.LeafNodeType.String() + "]"
	}
	switch {
	case r.State.Is(types.SpecStateInterrupted | types.SpecStateAborted):
		return result, false
	case r.State.Is(types.SpecStateFailureStates):
		result.Verdict, result.Message = outcome.Fail, failureText(r)
		result.Stderr = r.CapturedGinkgoWriterOutput + r.CapturedStdOutErr
	case !spec:
		return result, false
	case r.State.Is(types.SpecStatePending):
		result.Verdict, result.Message = outcome.Unsupported, "pending"
	case r.State.Is(types.SpecStateSkipped):
		result.Verdict, result.Message = outcome.Unsupported, "skipped"
		if r.Failure.Message != "" {
			result.Message += ": " + r.Failure.Message
		}
	case r.MaxFlakeAttempts > 1 && r.NumAttempts > 1:
		result.Verdict, result.Message = outcome.Flaky, fmt.Sprintf("passed in attempt %d", r.NumAttempts)
		if len(r.AdditionalFailures) > 0 {
			result.Message += "; before: " + r.AdditionalFailures[0].Failure.Message
		}
	}
	for _, e := range r.ReportEntries {
		if text := e.StringRepresentation(); text != "" {
			result.Notes = append(result.Notes, e.Name+": "+text)
		}
	}
	return result, true
}

// failureText says what has failed, where, and in which step.
func failureText(r types.SpecReport) string {
	lines := []string{r.Failure.Message}
	if r.State.Is(types.SpecStatePanicked) && r.Failure.ForwardedPanic != "" {
		lines = append(lines, "panic: "+r.Failure.ForwardedPanic)
	}
	if at := r.Failure.Location; at.FileName != "" {
		lines = append(lines, fmt.Sprintf("at %s:%d", at.FileName, at.LineNumber))
	}
	for _, e := range r.SpecEvents.WithType(types.SpecEventByStart) {
		lines = append(lines, "step: "+e.Message)
	}
	for _, f := range r.AdditionalFailures {
		lines = append(lines, "also: "+f.Failure.Message)
	}
	return strings.Join(lines, "\n")
}

// lastBytes returns the end of what a spec has printed.
func lastBytes(text string) string {
	if len(text) > outputKept {
		text = "…" + strings.ToValidUTF8(text[len(text)-outputKept:], "")
	}
	return text
}
