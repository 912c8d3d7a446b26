package report

import (
	"fmt"
	"strings"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

func (p *textWriter) writeSummary(d outcome.Run, strict bool) {
	st := green
	if d.ExitCode(strict) != outcome.ExitOK {
		st = red
	}
	p.addLine(span{st, SummaryLine(d, strict)})
}

// SummaryLine returns the last line of the report: on what, how many of what, how
// long, and from which seed. With strict, failures of level should count.
func SummaryLine(d outcome.Run, strict bool) string {
	text := ""
	if d.Stopped != "" {
		text = "stopped (" + d.Stopped + "), not complete: "
	}
	if d.Shard != nil {
		text += "shard " + d.Shard.String() + ": "
	}
	if names := countTargets(d.Results); names != "" {
		text += names + ": "
	}
	text += formatCounts(d.Results, strict)
	if n := len(d.Problems); n > 0 {
		text += ", " + plural.Count(n, "problem") + " of the harness"
	}
	return fmt.Sprintf("%s in %.1f s (seed %d)", cleanLine(text), d.Elapsed.ToDuration().Seconds(), d.Seed)
}

func countTargets(results []outcome.Result) string {
	const most = 4
	var names []string
	seen := map[string]bool{}
	for _, r := range results {
		if !seen[r.Target] && r.Verdict != outcome.Stale { // that one is of a waiver, whose target is a pattern
			seen[r.Target] = true
			names = append(names, r.Target)
		}
	}
	if len(names) > most {
		return plural.Count(len(names), "target")
	}
	return strings.Join(names, ", ")
}

// tallies are the parts of a summary, in order.
var tallies = []struct {
	word     string
	sections []section
}{
	{"passed", []section{passed}},
	{"failed", []section{failedShould, failed}},
	{"failed at level should", []section{should}},
	{"failed at level may", []section{may}},
	{"failed for information", []section{forInformation}},
	{"flaky", []section{flaky}},
	{"blocked", []section{blocked}},
	{"invalid", []section{invalid}},
	{"unsupported", []section{unsupported}},
	{"waived", []section{waived}},
	{"ongoing", []section{ongoing}},
	{"stale", []section{stale}},
}

// formatCounts counts variants; where they are of fewer scenarios, it says of how many.
func formatCounts(results []outcome.Result, strict bool) string {
	var variants [sections]int
	var scenarios [sections]map[scenarioKey]bool
	for _, r := range results {
		s := sectionOf(r, strict)
		variants[s]++
		if scenarios[s] == nil {
			scenarios[s] = map[scenarioKey]bool{}
		}
		scenarios[s][scenarioKey{r.Target, r.Scenario}] = true
	}
	var parts []string
	for _, t := range tallies {
		n, of := 0, 0
		for _, s := range t.sections {
			n += variants[s]
			of += len(scenarios[s])
		}
		if n == 0 && t.word != "passed" {
			continue
		}
		part := fmt.Sprintf("%d %s", n, t.word)
		if of != n {
			part += " (" + plural.Count(of, "scenario") + ")"
		}
		parts = append(parts, part)
	}
	if len(results) == 0 {
		return "nothing ran"
	}
	return strings.Join(parts, ", ")
}
