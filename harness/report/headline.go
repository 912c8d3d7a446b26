package report

import (
	"fmt"
	"slices"

	"github.com/sockharness/harness/harness/outcome"
	"github.com/sockharness/harness/harness/plural"
)

// A headline is the verdict on a run: one word, and one sentence.
type headline struct {
	Word     string // passed, failed, not judged, nothing played, interrupted
	Sentence string
	Red      bool
}

// headlineOf says what a run came to, as its exit status does.
func headlineOf(d outcome.Run, strict bool) headline {
	switch d.ExitCode(strict) {
	case outcome.ExitOK:
		return headline{"passed", passSentence(d), false}
	case outcome.ExitVerdicts:
		return headline{"failed", failSentence(d, strict), true}
	case outcome.ExitNothing:
		return headline{"nothing ran", "No scenario ran, so nothing was tested.", true}
	case outcome.ExitInterrupted:
		return headline{"interrupted", "The run was interrupted and is not complete.", true}
	}
	sentence := ""
	if n := d.Summary[outcome.Invalid]; n > 0 {
		sentence = fmt.Sprintf("%s invalid: the fault never struck, or the harness failed. ", isAre(n, "result"))
	}
	if n := len(d.Problems); n > 0 {
		sentence += fmt.Sprintf("The harness had %s: %s. ", plural.Count(n, "problem"), cleanFirst(d.Problems[0]))
	}
	return headline{"not judged", sentence + failSentence(d, strict), true}
}

// countWith writes n, the noun, and its verb: the one for 1, or the one for many.
func countWith(n int, noun, one, many string) string {
	if n == 1 {
		many = one
	}
	return plural.Count(n, noun) + " " + many
}

func haveHas(n int, noun string) string { return countWith(n, noun, "has", "have") }

func isAre(n int, noun string) string { return countWith(n, noun, "is", "are") }

// passSentence says how much passed: never more than what was played.
func passSentence(d outcome.Run) string {
	if len(d.Results) == d.Summary[outcome.Unsupported] {
		return "This shard had nothing to run."
	}
	scenarios, targets := map[scenarioKey]bool{}, map[string]bool{}
	for _, r := range d.Results {
		if r.Verdict == outcome.Pass {
			scenarios[scenarioKey{r.Target, r.Scenario}] = true
			targets[r.Target] = true
		}
	}
	text := fmt.Sprintf("%s of %s passed on %s.", plural.Count(d.Summary[outcome.Pass], "variant"), plural.Count(len(scenarios), "scenario"), plural.Count(len(targets), "target"))
	if b := d.Baseline; b != nil && b.Counts[outcome.Ongoing] > 0 {
		text += fmt.Sprintf(" %s as in the baseline.", failAs(b.Counts[outcome.Ongoing]))
	}
	return text
}

func failAs(n int) string { return countWith(n, "result", "fails", "fail") }

// failSentence says how many scenarios turn the run red, and the first of them.
func failSentence(d outcome.Run, strict bool) string {
	var scenarios []scenarioKey
	targets := map[string]bool{}
	seen := map[scenarioKey]bool{}
	for _, r := range d.Results {
		key := scenarioKey{r.Target, r.Scenario}
		if r.TurnsRed(strict) && !seen[key] {
			seen[key], targets[r.Target] = true, true
			scenarios = append(scenarios, key)
		}
	}
	switch {
	case len(scenarios) == 0 && d.Rounds != nil && len(d.Rounds.Changed) > 0:
		return fmt.Sprintf("%s changed from round to round.", plural.Count(len(d.Rounds.Changed), "verdict"))
	case len(scenarios) == 0:
		return ""
	case len(scenarios) == 1:
		return fmt.Sprintf("%s fails on %s.", cleanLine(scenarios[0].scenario), cleanLine(scenarios[0].target))
	case len(targets) == 1:
		return fmt.Sprintf("%s fail on %s.", plural.Count(len(scenarios), "scenario"), cleanLine(scenarios[0].target))
	}
	return fmt.Sprintf("%s fail on %s.", plural.Count(len(scenarios), "scenario"), plural.Count(len(targets), "target"))
}

// redGroups returns what turns the run red: what is new or regressed first, then what
// costs most.
func redGroups(groups []group, strict bool) []group {
	var reds []group
	for _, g := range groups {
		if g.turnsRed(strict) {
			reds = append(reds, g)
		}
	}
	slices.SortStableFunc(reds, func(a, b group) int {
		if c := b.news() - a.news(); c != 0 {
			return c
		}
		return int(b.section) - int(a.section)
	})
	return reds
}

// news is 1 where the baseline does not have the group.
func (g group) news() int {
	for _, r := range g.results {
		if r.State == outcome.New || r.State == outcome.Regressed {
			return 1
		}
	}
	return 0
}

// A runProblem is why a run is red beyond the verdicts on targets.
type runProblem struct{ Name, Kind, Text string }

// runProblems lists them; they are the cases of JUnit's suite "harness".
func runProblems(d outcome.Run, strict bool) []runProblem {
	var out []runProblem
	for _, s := range harnessSuite(d, strict) {
		for _, c := range s.Cases {
			out = append(out, runProblem{c.Name, c.Error.Type, c.Error.Text})
		}
	}
	return out
}

// caseName names a result among those of its target.
func caseName(r outcome.Result) string {
	name := r.Scenario
	if r.Variant != "" {
		name += " [" + r.Variant + "]"
	}
	if r.Check != "" {
		name += " (" + r.Check + ")"
	}
	return cleanLine(name)
}
