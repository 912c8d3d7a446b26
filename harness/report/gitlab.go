package report

import (
	"fmt"
	"io"

	"github.com/sockharness/harness/harness/outcome"
)

type gitlabIssue struct {
	Description string         `json:"description"`
	CheckName   string         `json:"check_name"`
	Fingerprint string         `json:"fingerprint"`
	Severity    string         `json:"severity"`
	Location    gitlabLocation `json:"location"`
}

type gitlabLocation struct {
	Path  string      `json:"path"`
	Lines gitlabLines `json:"lines"`
}

type gitlabLines struct {
	Begin int `json:"begin"`
}

// WriteGitLab writes failures as GitLab's code quality report, one entry for each
// scenario and check on a target: a merge request shows which of them are new. Source:
// GitLab's documentation, "Code Quality", implementing a custom tool.
func WriteGitLab(w io.Writer, d outcome.Run, strict bool) error {
	issues := []gitlabIssue{}
	at := map[string]bool{}
	add := func(words []string, severity, text string, p place) {
		id := fingerprint(words...)
		if at[id] {
			return
		}
		at[id] = true
		if p.File == "" {
			p = place{"harness.yaml", 1}
		}
		issues = append(issues, gitlabIssue{text, words[0], id, severity, gitlabLocation{p.File, gitlabLines{p.Line}}})
	}
	for _, r := range d.Results {
		if severity := gitlabSeverity(r, strict); severity != "" {
			text := fmt.Sprintf("%s: %s: %s", cleanLine(r.Target), caseName(r), cleanFirst(r.Message))
			add([]string{cleanLine(r.Scenario), r.Target, r.Check}, severity, text, placeOf(d, r))
		}
	}
	for _, p := range runProblems(d, strict) {
		add([]string{"harness", p.Name}, "blocker", cleanFirst(p.Text), place{})
	}
	if err := writeIndented(w, issues); err != nil {
		return fmt.Errorf("gitlab write: %w", err)
	}
	return nil
}

// gitlabSeverity is one of info, minor, major, critical, blocker; empty for what is no
// failure.
func gitlabSeverity(r outcome.Result, strict bool) string {
	switch {
	case r.Verdict == outcome.Invalid:
		return "major"
	case r.TurnsRed(strict):
		return "critical"
	case r.Verdict != outcome.Fail && r.Verdict != outcome.Flaky && r.Verdict != outcome.Blocked:
		return ""
	case r.Level == outcome.Should || r.State == outcome.Ongoing:
		return "minor"
	}
	return "info"
}
